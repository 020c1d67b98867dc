"""Titled panes: of a run's view, redrawn when what it shows has changed, and of text to scroll through."""

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.theme import Theme
from textual.widgets import Static, TextArea
from textual.widgets.text_area import TextAreaTheme

from arena_tui.format.status import MUTED
from arena_tui.runs.follow import RunView


class Pane(Vertical):
    """`tab_name` is its name where panes are tabs, `number` the key that leads to it, 0 where none does.

    The view is bound down.
    """

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
        padding: 0 1;
        &.-current { border: round $accent; border-title-color: $accent; }
    }
    """

    tab_name = ""
    number = 0

    view: var[RunView | None] = var(None)

    title: var[str] = var("")
    """Stands in the border, after the number."""

    def on_mount(self) -> None:
        self.title = self.title or self.tab_name

    def watch_title(self, title: str) -> None:
        self.border_title = Content.assemble((f"{self.number} " if self.number else "", MUTED), title)

    @property
    def says(self) -> str:
        """What it shows, as text to copy."""
        shown = [text for text in self.query(Static) if text.is_on_screen]
        return "\n".join(str(text.content).strip("\n") for text in shown)


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


ON_LIGHT = "on light"


class HighlightedText(TextArea):
    def on_mount(self) -> None:
        light = TextAreaTheme.get_builtin_theme("github_light")
        assert light is not None
        # Its colours of words only: everything else is the app's own. Its green of true and false is too pale.
        styles = light.syntax_styles | {"boolean": Style(color="#0450ae")}
        self.register_theme(TextAreaTheme(ON_LIGHT, syntax_styles=styles))
        self.app.theme_changed_signal.subscribe(self, self._follow)
        self._follow(self.app.current_theme)

    def _follow(self, theme: Theme) -> None:
        self.theme = "css" if theme.dark else ON_LIGHT
