"""What the editor asks and shows: what differs between two texts, and where a profile is to be saved."""

import asyncio
import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from msgspec import Struct
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.reactive import var
from textual.widgets import Input, Static

from arena_tui.dialogs.ask import SCROLLING, Dialog, keys
from arena_tui.dialogs.path_input import PathInput
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import place, printable
from core.profile.files import expanded, shipped_profiles
from core.profile.load import values, written
from core.profile.settings import Profile
from core.user import can_be_written

_STYLES = {"+": "$text-success", "-": "$text-error", "@": MUTED}


class Comparison(Struct, frozen=True):
    """Two texts to compare; `same` is said when they do not differ."""

    title: str
    old: str
    new: str
    same: str
    context: int = 3


def differences(comparison: Comparison) -> Content:
    """The lines that went with -, those that came with +, and a few around them; line breaks count."""
    old, new = comparison.old.split("\n"), comparison.new.split("\n")
    found = list(difflib.unified_diff(old, new, n=comparison.context, lineterm=""))[2:]
    if not found:
        return Content(comparison.same)
    if not comparison.context:
        found = [line for line in found if not line.startswith("@")]
    return Content("\n").join(
        Content.styled(printable(line.expandtabs(4)), _STYLES.get(line[:1], "")) for line in found
    )


def against_defaults(settings: Profile) -> Comparison:
    """Every setting on a line of its own, so that its section is always in sight."""
    return Comparison(
        "against the defaults", _flat(Profile()), _flat(settings), "Every setting has its default value.", 0
    )


def _flat(settings: Profile) -> str:
    return "\n".join(f"{key} = {written(value)}" for key, value in values(settings).items())


class DifferencesScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,f4", "dismiss", "Close", key_display="esc"),
        Binding("tab,left,right", "other", "Other", show=False),
        *SCROLLING,
    ]

    DEFAULT_CSS = """
    DifferencesScreen {
        & > .box { height: 80%; max-width: 110; }
        & .titles { margin-bottom: 1; }
        & VerticalScroll { height: 1fr; }
    }
    """

    shown: var[int] = var(0)

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        super().__init__()
        self._comparisons = comparisons

    def compose(self) -> ComposeResult:
        several = len(self._comparisons) > 1
        with Vertical(classes="box") as box:
            box.border_title = Content("differences")
            yield Static(classes="titles", markup=False)
            with VerticalScroll():
                yield Static(classes="lines", markup=False)
            yield Static(keys([*([("tab", "the other")] if several else []), ("esc", "close")]), classes="keys")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    @work(exclusive=True)
    async def watch_shown(self, shown: int) -> None:
        titles = [
            Content.styled(printable(comparison.title), "bold $accent" if index == shown else MUTED)
            for index, comparison in enumerate(self._comparisons)
        ]
        self.query_one(".titles", Static).update(Content("   ").join(titles))
        self.query_one(".lines", Static).update(await asyncio.to_thread(differences, self._comparisons[shown]))

    def action_other(self) -> None:
        self.shown = (self.shown + 1) % len(self._comparisons)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


class SaveAsScreen(Dialog[Path | None]):
    """The answer is a path that ends in .toml. One where a file lies is taken only when confirmed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, suggested: Path, reason: str) -> None:
        super().__init__()
        self._suggested = suggested
        self._reason = reason
        self._confirmed: Path | None = None
        self._pressed: Key | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("save as")
            yield Static(self._reason, markup=False)
            yield PathInput(place(self._suggested), (".toml",))
            yield Static(keys([("enter", "save"), ("tab", "complete"), ("esc", "back")]), classes="keys")

    def on_key(self, event: Key) -> None:
        self._pressed = event

    @on(Input.Changed)
    def _forget(self) -> None:
        self._confirmed = None

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        written = event.value.strip()
        path = Path(expanded(written if written.endswith(".toml") else f"{written}.toml")).absolute()
        if not written.removesuffix(".toml").strip("/ ."):
            self._warn("A name is needed.")
        elif Path(os.path.realpath(path)) in shipped_profiles():
            self._warn("Shipped profiles stay as they are: choose another name.")
        elif problem := unwritable(path):
            self._warn(problem)
        elif path.exists() and not (self._confirmed == path and self._pressed and self.may_take(self._pressed)):
            self._confirmed = path
            self.has_news()
            self._warn(f"{printable(str(path))} exists: enter again replaces it.")
        else:
            self.dismiss(path)

    def _warn(self, text: str) -> None:
        self.query_one(PathInput).warn(text)


def unwritable(path: Path) -> str:
    """Why no file can be written at `path`; "" where one can, as far as can be told."""
    try:
        if path.is_dir():
            return "This is a folder: name a file in it."
        return "" if can_be_written(path.parent) else f"{place(path.parent)} cannot be written to."
    except OSError as error:
        return f"This is not a valid path: {error.strerror}."
