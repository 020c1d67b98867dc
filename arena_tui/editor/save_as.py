"""Asks for the file to which a profile is to be saved."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.sanitize import place, printable
from core.profile.files import shipped_profiles


class SaveAsScreen(Dialog[Path | None]):
    """The answer is a path that ends in .toml. One where a file lies is taken only when confirmed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    DEFAULT_CSS = """
    SaveAsScreen {
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin-top: 1; background: $panel; }
        & .warning { color: $text-warning; margin-top: 1; }
    }
    """

    def __init__(self, suggested: Path, reason: str) -> None:
        super().__init__()
        self._suggested = suggested
        self._reason = reason
        self._confirmed: Path | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("save as")
            yield Static(self._reason, markup=False)
            yield Input(place(self._suggested), select_on_focus=False)
            yield Static(classes="warning", markup=False)
            yield Static(keys([("enter", "save"), ("esc", "back")]), classes="keys")

    @on(Input.Changed)
    def _forget(self) -> None:
        self._confirmed = None
        self.query_one(".warning", Static).update("")

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        written = event.value.strip()
        path = Path(written if written.endswith(".toml") else f"{written}.toml").expanduser().absolute()
        if not written.removesuffix(".toml").strip("/ ."):
            self._warn("A name is needed.")
        elif path.resolve() in shipped_profiles():
            self._warn("Shipped profiles stay as they are: choose another name.")
        elif path.exists() and self._confirmed != path:
            self._confirmed = path
            self._warn(f"{printable(str(path))} exists: enter once more replaces it.")
        else:
            self.dismiss(path)

    def _warn(self, text: str) -> None:
        self.query_one(".warning", Static).update(text)
