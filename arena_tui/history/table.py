"""A table of runs, drawn line by line as far as it is seen, so it may be of any length, and the lines around it."""

from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED, STYLES
from arena_tui.format.sanitize import place, printable
from arena_tui.format.width import abridged
from arena_tui.history.columns import (
    GAP,
    MEMORY,
    NOTE,
    PRIOR,
    THROUGHPUT,
    WHEN,
    Column,
    Row,
    columns_of_settings,
    fitting,
)

MARGIN = 3
"""Cells for the cursor and for the number of a selected run."""


class RunTable(ScrollView, can_focus=False):
    """`cursor` is the place in the list of the line that is marked; `selected` are ids in the order of their choice."""

    DEFAULT_CSS = """
    RunTable {
        height: 1fr;
        background: transparent;
        scrollbar-size: 1 1;
        overflow-x: hidden;
        overflow-y: scroll;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def __init__(self, empty: str, *, id: str) -> None:
        """`empty` stands in for rows."""
        super().__init__(id=id)
        self._empty = empty
        self.rows: Sequence[Row] = ()
        self.cursor = 0
        self.sort: Column = WHEN
        self.is_reversed = False
        self.selected: tuple[str, ...] = ()
        self.swept: list[Column] = []
        self._columns: list[tuple[Column, int]] = []
        self._drawn: dict[int, Shown] = {}

    def show(self, rows: Sequence[Row]) -> None:
        """List these; the cursor stays on its run if that is still listed. Only lines that change are drawn."""
        before = self.chosen
        if _known(rows) != _known(self.rows):
            self.swept = columns_of_settings(rows)
        self.rows = rows
        self.virtual_size = Size(self.scrollable_content_region.width, len(rows) + 1)
        again = [place for place, row in enumerate(rows) if before and row.run.folder.id == before.run.folder.id]
        self.move_to(again[0] if again else self.cursor)

    @property
    def chosen(self) -> Row | None:
        """The row the cursor is on; None in an empty list."""
        return self.rows[self.cursor] if self.rows else None

    def move_to(self, place: int) -> None:
        """Put the cursor on that place of the list, or the nearest there is, and bring it into view."""
        self.cursor = max(0, min(place, len(self.rows) - 1))
        if self.cursor < self.scroll_offset.y:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= self.scroll_offset.y + max(1, self.page):
            self.scroll_to(y=self.cursor - max(1, self.page) + 1, animate=False)
        self.redraw()

    @property
    def page(self) -> int:
        """Rows seen at once: the first line is the heading."""
        return self.scrollable_content_region.height - 1

    def redraw(self) -> None:
        """Draw the lines that are not as they should be."""
        self._columns = fitting(self.scrollable_content_region.width - MARGIN, self.sort, self.rows, self.swept)
        for y in range(self.scrollable_content_region.height):
            if self._drawn.get(y) != self._shown(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        self.move_to(self.cursor)

    def render_line(self, y: int) -> Strip:
        shown = self._drawn[y] = self._shown(y)
        style, width = self.visual_style, shown.width
        strip = Visual.to_strips(self, self._line(shown), width, 1, style)[0].extend_cell_length(
            width, style.rich_style
        )
        return strip.apply_style(Style(bgcolor=self.app.theme_variables["panel"])) if shown.is_chosen else strip

    def _shown(self, y: int) -> "Shown":
        cells = tuple((column.key, cells) for column, cells in self._columns)
        width = self.scrollable_content_region.width
        place = self.scroll_offset.y + y - 1
        if y == 0 or place >= len(self.rows):
            words = "" if y == 0 or self.rows or y > 1 else self._empty
            return Shown(width, cells, self.sort.key, self.is_reversed, is_heading=y == 0, words=words)
        row = self.rows[place]
        run_id = row.run.folder.id
        number = self.selected.index(run_id) + 1 if run_id in self.selected else None
        return Shown(width, cells, self.sort.key, self.is_reversed, row, place == self.cursor, number)

    def _line(self, shown: "Shown") -> Content:
        row = shown.row
        if row is None and not shown.is_heading:
            return Content.styled(" " * MARGIN + shown.words, MUTED)
        if row is None:
            headings = (self._heading(column, cells) for column, cells in self._columns)
            return Content.assemble(" " * MARGIN, *headings)
        (state, cells), *others = self._columns
        mark = f"{'>' if shown.is_chosen else ' '}{shown.number or ' '} "
        return Content.assemble(
            (mark, "bold $accent"),
            (_aligned(state, state.text(row), cells), STYLES[row.run.status]),
            "".join(_aligned(column, column.text(row), cells) for column, cells in others),
        )

    def _heading(self, column: Column, cells: int) -> tuple[str, str]:
        if column.key != self.sort.key:
            return _aligned(column, column.heading, cells), MUTED
        arrow = "▼" if column.descends is not self.is_reversed else "▲"
        return _aligned(column, f"{column.heading} {arrow}", cells), "bold $accent"


class Shown(Struct, frozen=True):
    """All that a line depends on."""

    width: int
    cells: tuple[tuple[str, int], ...]
    """Of each column, by its key."""
    sort: str
    is_reversed: bool
    row: Row | None = None
    is_chosen: bool = False
    number: int | None = None
    is_heading: bool = False
    words: str = ""


def _aligned(column: Column, text: str, cells: int) -> str:
    """`text` in as many cells, with an ellipsis where it is cut, and the gap to the next column."""
    if cell_len(text) > cells:
        text = f"{set_cell_size(text, cells - 1)}…" if column is NOTE else abridged(text, cells)
    room = " " * (cells - cell_len(text))
    return (f"{text}{room}" if column.is_text else f"{room}{text}") + " " * GAP


def _known(rows: Sequence[Row]) -> frozenset[tuple[str, bool]]:
    """Which runs these are, in any order, and of which the settings are known."""
    return frozenset((row.run.folder.id, bool(row.settings)) for row in rows)


def summary(listed: int, rows: Sequence[Row], selected: int, free: int) -> str:
    """How many of all `rows` are listed and selected, what they take of the disk, and how many bytes of it are free."""
    words = [f"{numbers.count(listed)} of {numbers.count(len(rows))}"]
    if selected:
        words.append(f"{selected} selected")
    if sizes := [row.disk.total for row in rows if row.disk]:
        words.append(f"{numbers.gib(sum(sizes))} on disk, {numbers.gib(free)} free")
    return " · ".join(words)


def detail(row: Row, way: Content, width: int) -> list[Content]:
    """Lines of `width` cells below the table: where the run lies; what is wrong with it, else its note or `way`, the
    way to one; and the figures for which a narrow table has no room."""
    note = printable(row.run.notes.note)
    known = [f"{column.heading} {column.text(row)}" for column in (PRIOR, THROUGHPUT, MEMORY, WHEN)]
    disk = row.disk
    taken = ""
    if disk:
        parts = f"checkpoints {numbers.gib(disk.checkpoints)}, adapter {numbers.gib(disk.adapter)}"
        taken = f"on disk {numbers.gib(disk.total)}: {parts}"
    words = Content(note) if note else (Content("no note") + way).stylize_before(MUTED)
    if row.run.trouble:
        words = Content.styled(printable(row.run.trouble), "$text-error")
    return [
        Content(abridged(place(row.run.folder.path), width)),
        words,
        Content.styled(" · ".join(known), MUTED),
        Content.styled(taken, MUTED),
    ]
