"""Asks for a path: tab completes it, what may follow stands below it, and a wrong one stays to be corrected."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable
from core.files import in_words
from core.profile.files import expanded

MOST_CHARACTERS = 4096
MOST_CANDIDATES = 40


def candidates(written: str, suffixes: tuple[str, ...]) -> tuple[str, list[str]]:
    """`written` with as much more as all that it may become have in common; and their names, if there are several.

    Offered are folders, and files with one of `suffixes`; hidden ones only where the name begins so, and none whose
    name cannot be written as it is. Raises OSError.
    """
    if written == "~":
        return "~/", []
    begun = written.rpartition("/")[2]
    parent = written.removesuffix(begun)
    with os.scandir(expanded(parent) or ".") as entries:
        names = sorted(
            f"{entry.name}/" if entry.is_dir() else entry.name
            for entry in entries
            if entry.name.startswith(begun)
            and entry.name.startswith(".") == begun.startswith(".")
            and (entry.is_dir() or entry.name.endswith(suffixes))
            and printable(entry.name) == entry.name
        )
    common = os.path.commonprefix(names)  # noqa: RUF071  (of characters, as it is meant here)
    return parent + (common or begun), names if len(names) > 1 else []


class PathInput(Vertical):
    """A line for a path, and below it what may follow, or what is wrong."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]
    DEFAULT_CSS = """
    PathInput {
        height: auto;
        margin-top: 1;
        & Input, & Input:focus { border: none; height: 1; padding: 0; background: $panel; }
        & .beside { height: auto; max-height: 5; }
    }
    """

    def __init__(self, before: str, suffixes: tuple[str, ...] = ("",)) -> None:
        """`before` is there to be changed; of files, those with one of `suffixes` are offered."""
        super().__init__()
        self._before = before
        self._suffixes = suffixes

    def compose(self) -> ComposeResult:
        yield Input(printable(self._before), max_length=MOST_CHARACTERS, select_on_focus=False)
        yield Static(classes="beside", markup=False)

    def warn(self, problem: str) -> None:
        """Say what is wrong with the path, until it is another."""
        self._tell(Content.styled(printable(problem), "$text-error"))

    def _tell(self, words: Content) -> None:
        self.query_one(".beside", Static).update(words)

    @on(Input.Changed)
    def _forget(self) -> None:
        self._tell(Content(""))

    @work(exclusive=True)
    async def action_complete(self) -> None:
        line = self.query_one(Input)
        before = line.value[: line.cursor_position]
        try:
            completed, names = await in_thread(partial(candidates, before, self._suffixes))
        except OSError as error:
            self.warn(in_words(error))
            return
        if not line.value.startswith(before):  # something else was typed meanwhile
            return
        with line.prevent(Input.Changed):
            line.value = completed + line.value[len(before) :]
            line.cursor_position = len(completed)
        shown = "  ".join(names[:MOST_CANDIDATES])
        more = f"  … and {len(names) - MOST_CANDIDATES:,} more" if len(names) > MOST_CANDIDATES else ""
        nothing = "no match" if completed == before and not Path(expanded(before)).exists() else ""
        self._tell(Content.styled(f"{shown}{more}" or nothing, MUTED))


class AskPathScreen(Dialog[str | None]):
    """The answer is a path with which nothing is wrong; None where there is to be none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, text: str, before: str, word: str, problem: Callable[[str], str]) -> None:
        """`word` says what enter does. `problem` tells what is wrong with a path, "" where nothing is; it may ask the
        disk."""
        super().__init__()
        self._title = title
        self._text = text
        self._before = before
        self._word = word
        self._problem = problem

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            yield Static(Content(printable(self._text)), markup=False)
            yield PathInput(self._before)
            yield Static(keys([("enter", self._word), ("tab", "complete"), ("esc", "back")]), classes="keys")

    @on(Input.Submitted)
    @work(exclusive=True)
    async def _answer(self, event: Input.Submitted) -> None:
        written = event.value.strip()
        if not written:
            self.dismiss(None)
        elif problem := await in_thread(partial(self._problem, written)):
            self.query_one(PathInput).warn(problem)
        else:
            self.dismiss(written)
