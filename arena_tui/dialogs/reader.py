"""Shows a longer text to read: a profile, an error with the end of a log."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.sanitize import printable, printable_lines
from arena_tui.terminal.clipboard import copy
from arena_tui.widgets.pane import HighlightedText


class ReaderScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", key_display="esc"),
        Binding("Y", "copy", "Copy", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    DEFAULT_CSS = """
    ReaderScreen > .box { height: 80%; }
    ReaderScreen TextArea { height: 1fr; border: none; padding: 0; }
    """

    def __init__(self, title: str, text: str, *, language: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._text = "\n".join(printable_lines(text))
        self._language = language

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(printable(self._title))
            yield HighlightedText(self._text, language=self._language, read_only=True, soft_wrap=True)
            yield Static(keys([("Y", "copy"), ("esc", "close")]), classes="keys")

    def action_copy(self) -> None:
        area = self.query_one(TextArea)
        copy(self.app, area.selected_text or area.text)

    def action_scroll(self, lines: int) -> None:
        self.query_one(TextArea).scroll_relative(y=lines, animate=False)
