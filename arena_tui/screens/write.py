"""Asks for a line of text."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from arena_tui.plain import printable
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.keys import keys


class WriteScreen(Dialog[str | None]):
    """The answer is the line; None where it is to stay as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    DEFAULT_CSS = """
    WriteScreen {
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin-top: 1; background: $panel; }
    }
    """

    def __init__(self, title: str, text: str, before: str, most: int, word: str = "save") -> None:
        """`before` is there to be changed; the line has at most `most` characters. `word` says what enter does."""
        super().__init__()
        self._title = title
        self._text = text
        self._before = before
        self._most = most
        self._word = word

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            yield Static(Content(printable(self._text)), markup=False)
            yield Input(printable(self._before), max_length=self._most, select_on_focus=False)
            yield Static(keys([("enter", self._word), ("esc", "back")]), classes="keys")

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
