"""The end of the child's output, to scroll through. Told its lines; knows no file."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Log

from arena_tui.widgets.pane import Pane

MOST_LINES = 2000


class Lines(Log, can_focus=False):
    """A log that tells its pane when it has been given another size: only then is it known where its end is."""

    def on_resize(self) -> None:
        self.query_ancestor(LogPane).go_to_end()


class LogPane(Pane):
    DEFAULT_CSS = """
    LogPane > Lines { height: 1fr; background: transparent; overflow: auto; }
    """

    tab_name = "log"
    HELP = (
        "The end of console.log, all that the training process prints, with control characters made visible. "
        "It stays at its end until you scroll away, and follows again once you are back there."
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shows_end = True

    def compose(self) -> ComposeResult:
        yield Lines(max_lines=MOST_LINES, highlight=False)

    @property
    def says(self) -> str:
        """The lines in sight."""
        log = self.query_one(Log)
        return "\n".join(log.lines[log.scroll_offset.y :][: log.scrollable_content_region.height])

    def add(self, lines: Sequence[str]) -> None:
        """Add lines, already harmless to show. Stays where it is if the user has scrolled away from the end."""
        self.query_one(Log).write_lines(lines, scroll_end=False)
        self.call_after_refresh(self.go_to_end)

    def go_to_end(self) -> None:
        if self._shows_end and self.is_attached:  # called later than asked for: the screen may have gone
            self.query_one(Log).scroll_end(animate=False, immediate=True, x_axis=False)

    def scroll_text(self, lines: int) -> None:
        self.query_one(Log).scroll_relative(y=lines, animate=False)
        self.call_after_refresh(self._look_where_it_is)

    def shift_text(self, columns: int) -> None:
        self.query_one(Log).scroll_relative(x=columns, animate=False)

    def on_mouse_scroll_up(self) -> None:
        self.call_after_refresh(self._look_where_it_is)

    def on_mouse_scroll_down(self) -> None:
        self.call_after_refresh(self._look_where_it_is)

    def _look_where_it_is(self) -> None:
        # Asked only after the user has scrolled: while lines come in, the end is ahead of what is drawn.
        if self.is_attached:
            self._shows_end = self.query_one(Log).is_vertical_scroll_end
