"""A question with a few answers, each a key."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.widgets import Static

from arena_tui.plain import printable, printable_lines
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.keys import keys

STAY = "escape"


class AskScreen(Dialog[str]):
    """The answer is the key that was pressed: one of those in `answers`, or STAY for escape."""

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]], stay: str = "back") -> None:
        """`answers` are keys with a word for each; `stay` is the word for escape."""
        super().__init__()
        self._title = title
        self._text = text
        self._answers = answers
        self._stay = stay

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content(printable(self._title))
            yield Static(Content("\n".join(printable_lines(self._text))), markup=False)
            yield Static(keys([*self._answers, ("esc", self._stay)]), classes="keys")

    def on_key(self, event: Key) -> None:
        if event.key in (STAY, *(key for key, _ in self._answers)):
            event.stop()
            self.dismiss(event.key)
