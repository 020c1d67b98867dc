"""Panes that show a run: what all have in common, and the one with the end of what its process prints."""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import var
from textual.strip import Strip
from textual.widgets import Log, Static

from arena_tui.format.numbers import MUTED, count
from arena_tui.format.sanitize import printable, shortened
from arena_tui.runs.follow import RunView
from core.runs.access import Strange, open_for_reading
from core.runs.log import PASSED_OVER, Essential
from core.runs.state import Status


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


MOST_BYTES = 256 << 10
LONGEST_LINE = 2000


class LogTail:
    """Gives the lines that were added since the last call, harmless to show.

    Of what comes faster than MOST_BYTES a call, the start is passed over with a word about it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest = b""
        self._is_refused = False

    def read(self) -> list[str]:
        try:
            with open_for_reading(self.path) as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._offset:
                    self._offset, self._rest = 0, b""  # replaced by a shorter file
                passed_over = max(0, size - self._offset - MOST_BYTES)
                file.seek(self._offset + passed_over)
                new = file.read(MOST_BYTES)
        except Strange as error:
            told, self._is_refused = self._is_refused, True
            return [] if told else [f"{PASSED_OVER}{self.path.name} cannot be read: {error.strerror}"]
        except OSError:
            return []
        self._offset += passed_over + len(new)
        lines: list[str] = []
        if passed_over:
            lines.append(f"{PASSED_OVER}{passed_over:,} bytes skipped; {self.path.name} has all of it")
            self._rest = b""
        # A progress bar writes over itself with carriage returns: here each is a line.
        *whole, rest = (self._rest + new).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if not new or len(rest) > MOST_BYTES:
            whole, rest = [*whole, *filter(None, [rest])], b""  # nothing more comes soon: show what is there
        self._rest = rest
        for line in whole:
            lines.append(_readable(line))
        return lines


def _readable(line: bytes) -> str:
    # Cut first: cleaning is the slow part. No character takes more than four bytes.
    cut, more = line[: 4 * LONGEST_LINE], len(line) - 4 * LONGEST_LINE
    text = shortened(printable(cut.decode(errors="replace").expandtabs(4)), LONGEST_LINE)
    return f"{text}… (+{more:,} bytes)" if more > 0 else text


MOST_LINES = 2000


class Lines(Log, can_focus=False):
    """A log that tells its pane when it has been given another size: only then is it known where its end is. A line
    that goes on beside what is shown of it has a mark at that end."""

    def render_line(self, y: int) -> Strip:
        strip, (left, top), width = super().render_line(y), self.scroll_offset, self.size.width
        line = self.lines[top + y] if top + y < self.line_count else ""
        mark = Strip([Segment("…", self.rich_style)])
        if left and cell_len(line) > left:
            strip = Strip.join([mark, strip.crop(1)])
        return Strip.join([strip.crop(0, width - 1), mark]) if cell_len(line) > left + width else strip

    def on_resize(self) -> None:
        self.query_ancestor(LogPane).go_to_end()


class LogPane(Pane):
    DEFAULT_CSS = """
    LogPane > Lines { height: 1fr; background: transparent; overflow: auto; }
    """

    tab_name = "log"
    HELP = (
        "The end of console.log: what the run's process says itself, and tracebacks. What libraries print there, "
        "warnings and reports for developers, is hidden until all is shown; how many lines those are stands in the "
        "border. All of it is shown of a run that was lost. Control characters are made visible. It stays at its end "
        "until you scroll away, and follows again once you are back there."
    )

    shows_all: var[bool] = var(False)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shows_end = True
        self._lines: deque[tuple[str, bool]] = deque(maxlen=MOST_LINES)
        """Each with whether it is hidden unless all are shown."""
        self._essential = Essential()

    def compose(self) -> ComposeResult:
        yield Lines(max_lines=MOST_LINES, highlight=False)

    def on_mount(self) -> None:
        super().on_mount()
        # It takes a line of those in sight.
        self.watch(self.query_one(Log), "show_horizontal_scrollbar", self._follow_its_end, init=False)

    def _follow_its_end(self) -> None:
        self.call_after_refresh(self.go_to_end)

    @property
    def says(self) -> str:
        """The lines in sight."""
        log = self.query_one(Log)
        return "\n".join(log.lines[log.scroll_offset.y :][: log.scrollable_content_region.height])

    def add(self, lines: Sequence[str]) -> None:
        """Add lines, already harmless to show. Stays where it is if the user has scrolled away from the end."""
        new = [(line, not self._essential.is_one(line)) for line in lines]
        self._lines.extend(new)
        self._write(new)

    def watch_view(self, view: RunView | None) -> None:
        if view and view.status is Status.LOST:  # what ended it may stand there in any form
            self.shows_all = True

    def watch_shows_all(self) -> None:
        if self.is_mounted:
            self.query_one(Log).clear()
            self._write(self._lines)

    def toggle(self) -> None:
        """Show all lines, or only what the run itself says."""
        self.shows_all = not self.shows_all

    def _write(self, lines: Iterable[tuple[str, bool]]) -> None:
        shown = [line for line, is_hidden in lines if self.shows_all or not is_hidden]
        self.query_one(Log).write_lines(shown, scroll_end=False)
        hidden = sum(is_hidden for _, is_hidden in self._lines)
        words = f"{count(hidden)} {'line' if hidden == 1 else 'lines'} of libraries hidden"
        self.border_subtitle = Content("" if self.shows_all or not hidden else words)
        self._follow_its_end()

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
