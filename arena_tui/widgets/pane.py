"""One pane of the monitor: a titled part of the view of a run, redrawn when what it shows has changed."""

from textual.containers import Vertical
from textual.content import Content
from textual.reactive import var

from arena_tui.follow import RunView


class Pane(Vertical):
    """`tab_name` is its name where panes are tabs. The view is bound down from the screen."""

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

    view: var[RunView | None] = var(None)

    def on_mount(self) -> None:
        self.border_title = Content(self.tab_name)
