"""One pane of the monitor: a titled part of the view of a run, redrawn when what it shows has changed."""

from textual.containers import Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui.follow import RunView
from arena_tui.marks import MUTED


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
