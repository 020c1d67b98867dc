"""The end of the child's output, to scroll through. Told its lines; knows no file."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Log

from arena_tui.widgets.pane import Pane

MOST_LINES = 2000


class LogPane(Pane):
    DEFAULT_CSS = """
    LogPane > Log { height: 1fr; background: transparent; overflow: auto; }
    """

    tab_name = "log"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shows_end = True

    def compose(self) -> ComposeResult:
        log = Log(max_lines=MOST_LINES, highlight=False)
        log.can_focus = False
        yield log

    def add(self, lines: Sequence[str]) -> None:
        """Add lines, already harmless to show. Stays where it is unless it shows the end."""
        log = self.query_one(Log)
        if log.size:
            self._shows_end = log.is_vertical_scroll_end
        log.write_lines(lines, scroll_end=False)
        self.on_resize()

    def on_resize(self) -> None:
        if self._shows_end:
            self.query_one(Log).scroll_end(animate=False, x_axis=False)

    def scroll_text(self, lines: int) -> None:
        self.query_one(Log).scroll_relative(y=lines, animate=False)
        self._shows_end = False

    def shift_text(self, columns: int) -> None:
        self.query_one(Log).scroll_relative(x=columns, animate=False)
