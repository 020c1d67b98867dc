"""A titled pane of text to scroll through. Told what to show."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static


class TextPane(VerticalScroll, can_focus=False):
    HELP = (
        "Rows counted, and shares of their tokens, under one limit, strategy or group a line; hygiene counts "
        "flaws that no limit changes. All rows of the file are counted, by the same code that cuts them in "
        "training."
    )
    DEFAULT_CSS = """
    TextPane {
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
    }
    """

    def __init__(self, title: str, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = Content(title)

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show(self, text: Content, beside: str = "") -> None:
        """Show `text`, and `beside` in the border."""
        self.border_subtitle = Content(beside)
        self.query_one(Static).update(text)
