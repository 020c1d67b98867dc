"""Text in a place of its own: to scroll through, fitted to its width, coloured by its language, or about a problem."""

from collections.abc import Callable, Sequence

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.theme import Theme
from textual.widgets import Static, TextArea
from textual.widgets.text_area import TextAreaTheme

from arena_tui.format.sanitize import beginning
from arena_tui.screen.keymap import hint


class FittedText(Static):
    """Drawn anew for each width that it is given. Its height must be `auto`."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._draw: Callable[[int], Content] | None = None
        self._width = 0

    def show(self, draw: Callable[[int], Content], *, layout: bool = True) -> None:
        """Show what `draw` makes of a width in cells. Without `layout` its height stays as it was."""
        self._draw = draw
        if self._width:
            self.update(draw(self._width), layout=layout)
        else:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        # Not left to the event Resize alone: Textual sends none to a widget that comes into sight while another
        # scrolls, and the text would be missing.
        self._fit(width)
        return super().get_content_height(container, viewport, width)

    def on_resize(self) -> None:
        self._fit(self.content_size.width)  # of several widths that were tried, the one that it was given

    def _fit(self, width: int) -> None:
        if width and width != self._width:
            self._width = width
            if self._draw:
                self.update(self._draw(width), layout=False)


class TextPane(VerticalScroll, can_focus=False):
    HELP = (
        "Row counts and shares of tokens, one limit, strategy or group per line; hygiene counts flaws that no limit "
        "changes. All rows of the file are counted, by the same code that cuts them in training."
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
        yield FittedText()

    def show(self, draw: Callable[[int], Content], beside: str = "") -> None:
        """Show what `draw` makes of a width in cells, and `beside` in the border."""
        self.border_subtitle = Content(beside)
        self.query_one(FittedText).show(draw)


class ProblemText(Static):
    """Stands in for what a screen cannot show. The screen is of the class -failed meanwhile."""

    SCOPED_CSS = False  # it is shown by a class of the screen
    DEFAULT_CSS = """
    ProblemText { display: none; padding: 1 2; }
    .-failed ProblemText { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, problem: str, ways_out: Sequence[tuple[str, str]]) -> None:
        """Say what is wrong, and which keys lead on: actions of the screen, with {} for their keys in the words."""
        words = beginning(problem)
        keys = (hint(self, action, does) for action, does in ways_out)
        self.update(Content.assemble((f"✗ {words}", "bold $text-error"), "\n\n", *keys))


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
