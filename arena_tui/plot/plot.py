"""A plot: curves in fine dots on a grid of cells, marks and lines in a frame with ticks."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from arena_tui.plot.axes import Gappy, Point, Ticks, segments

Dot = tuple[int, int]
"""Column and row, counted in dots from the top left."""

BRAILLE = 0x2800
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Grid:
    """`characters` and `styles` hold a row of cells each, from the top; what is drawn later covers what was there."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.characters = [[" "] * width for _ in range(height)]
        self.styles = [[""] * width for _ in range(height)]

    def put(self, x: int, y: int, character: str, style: str) -> None:
        """One character; nothing where the cell lies outside."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self.characters[y][x], self.styles[y][x] = character, style

    def write(self, x: int, y: int, text: str, style: str) -> None:
        """Text from this cell on, one cell a character."""
        for i, character in enumerate(text):
            self.put(x + i, y, character, style)

    def dots(self, dots: Iterable[Dot], style: str) -> None:
        """Dots in one style: in a cell they cover those of others, and join their own."""
        cells: dict[tuple[int, int], int] = {}
        for x, y in dots:
            cell = x >> 1, y >> 2
            cells[cell] = cells.get(cell, 0) | BITS[y & 3][x & 1]
        for (x, y), bits in cells.items():
            self.put(x, y, chr(BRAILLE | bits), style)

    def changed(self, before: "Grid") -> list[int]:
        """The rows that differ from those of a grid of the same size."""
        return [
            y
            for y in range(self.height)
            if self.characters[y] != before.characters[y] or self.styles[y] != before.styles[y]
        ]


def line(start: Dot, end: Dot) -> Iterator[Dot]:
    """The dots of a straight line, without its start."""
    (x, y), (end_x, end_y) = start, end
    length = max(abs(end_x - x), abs(end_y - y))
    for i in range(1, length + 1):
        yield x + round(i * (end_x - x) / length), y + round(i * (end_y - y) / length)


MARGIN = 9
"""Cells for the labels of the vertical axis."""
DOTS_FROM = 200
"""A line through fewer points than this is still easy to follow."""


class Plot(Widget):
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "plot--axis",
        "plot--tick",
        "plot--raw",
        "plot--curve",
        "plot--mark",
        "plot--reference",
        "plot--cursor",
    }

    DEFAULT_CSS = """
    Plot {
        height: 1fr;
        & > .plot--axis { color: $foreground 35%; }
        & > .plot--tick { color: $foreground 60%; }
        & > .plot--raw { color: $foreground 45%; }
        & > .plot--curve { color: $accent; }
        & > .plot--mark { color: $warning; text-style: bold; }
        & > .plot--reference { color: $foreground 60%; }
        & > .plot--cursor { color: $foreground; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid(0, 0)
        self._left = self._low = 0.0
        self._right = self._high = 1.0
        self._styles: dict[str, Style] = {}

    @property
    def columns(self) -> int:
        """Dots from the left to the right of the frame."""
        return 2 * max(1, self.size.width - MARGIN - 2)

    @property
    def most_x_ticks(self) -> int:
        return max(1, (self.size.width - MARGIN) // 10)

    @property
    def most_y_ticks(self) -> int:
        return max(1, (self.size.height - 3) // 2)

    def begin(self, x_limits: Point, y_limits: Point) -> None:
        """An empty drawing with these limits, lower ones first."""
        self._left, self._right = x_limits
        self._low, self._high = y_limits
        self._drawn = Grid(self.size.width, self.size.height)
        self._columns, self._rows = self.columns, 4 * max(1, self.size.height - 3)
        self._a_column = self._columns / (self._right - self._left)
        self._a_row = self._rows / (self._high - self._low)

    def raw(self, points: Sequence[Gappy]) -> None:
        """Single readings: dots, or a line while they are few."""
        if len(points) < DOTS_FROM:
            self.curve(points, "plot--raw")
            return
        self._drawn.dots([self._dot(x, y) for x, y in points if y is not None and self._is_inside(y)], "plot--raw")
        self._mark_outside(points)

    def curve(self, points: Sequence[Gappy], style: str = "plot--curve") -> None:
        """A line from point to point, broken where a value is missing."""
        dots: list[Dot] = []
        for segment in segments(points):
            ends = [self._dot(x, y) for x, y in segment]
            if len(ends) == 1:
                self.marks(segment, "•", style)
            for start, end in pairwise(ends):
                dots += (start, *line(start, end))
        self._drawn.dots(dots, style)
        self._mark_outside(points)

    def marks(self, points: Sequence[Point], character: str, style: str = "plot--mark") -> None:
        """One character at each point."""
        for x, y in points:
            if self._left <= x <= self._right:
                column, row = self._dot(x, y)
                self._drawn.put(column // 2, row // 4, character, style)

    def marks_at_bottom(self, xs: Sequence[float], character: str) -> None:
        """Marks below everything, for points that have no value."""
        self.marks([(x, self._low) for x in xs], character)

    def reference(self, y: float) -> None:
        """A dashed line at `y`, in the same fine dots as the curves, so that it lies exactly beside them."""
        if self._is_inside(y):
            first, row = self._dot(self._left, y)
            self._drawn.dots([(first + i, row) for i in range(self._columns) if i % 4 < 2], "plot--reference")

    def cursor(self, x: float, y: float | None) -> None:
        """An upright line at `x`, and a mark where it meets the value, unless that is missing."""
        if not self._left <= x <= self._right:
            return
        column = self._dot(x, self._low)[0] // 2
        for row in range(1, self.size.height - 2):
            if self._drawn.characters[row][column] == " ":
                self._drawn.put(column, row, "│", "plot--axis")
        if y is not None:
            self.marks([(x, y)], "◆", "plot--cursor")

    def show(self, x_ticks: Ticks, y_ticks: Ticks) -> None:
        """Draw the frame with its ticks, and put the drawing on the screen in place of the one before."""
        self._frame()
        width, height = self.size
        for x, label in zip(*x_ticks.ticks_and_labels(self._left, self._right), strict=True):
            column = self._dot(x, self._low)[0] // 2
            self._drawn.put(column, height - 2, "┬", "plot--axis")
            start = min(column - len(label) // 2, width - len(label))
            self._drawn.write(start, height - 1, label, "plot--tick")
        for y, label in zip(*y_ticks.ticks_and_labels(self._low, self._high), strict=True):
            row = self._dot(self._left, y)[1] // 4
            self._drawn.put(MARGIN, row, "┤", "plot--axis")
            label = label[: MARGIN - 1]
            self._drawn.write(MARGIN - 1 - len(label), row, label, "plot--tick")
        before, self.grid = self.grid, self._drawn
        if (before.width, before.height) != (width, height):
            self.refresh()
        elif rows := self.grid.changed(before):
            self.refresh(*(Region(0, y, width, 1) for y in rows))

    def x_at(self, column: int) -> float:
        """Where on the axis a cell lies, counted from the left of the plot."""
        share = (2 * (column - MARGIN - 1) + 1) / self.columns
        return self._left + min(1.0, max(0.0, share)) * (self._right - self._left)

    def render_line(self, y: int) -> Strip:
        if y >= self.grid.height:
            return Strip.blank(self.size.width, self.rich_style)
        cells = zip(self.grid.styles[y], self.grid.characters[y], strict=True)
        runs = [(name, "".join(c for _, c in cells)) for name, cells in groupby(cells, key=lambda cell: cell[0])]
        return Strip([Segment(text, self._style(name)) for name, text in runs], self.grid.width)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = {}
        self.refresh()

    def _style(self, component: str) -> Style:
        if component not in self._styles:
            self._styles[component] = self.get_component_rich_style(component) if component else self.rich_style
        return self._styles[component]

    def _frame(self) -> None:
        right, bottom = self.size.width - 1, self.size.height - 2
        for x in range(MARGIN + 1, right):
            self._drawn.put(x, 0, "─", "plot--axis")
            self._drawn.put(x, bottom, "─", "plot--axis")
        for y in range(1, bottom):
            self._drawn.put(MARGIN, y, "│", "plot--axis")
            self._drawn.put(right, y, "│", "plot--axis")
        for x, y, corner in ((MARGIN, 0, "╭"), (right, 0, "╮"), (MARGIN, bottom, "╰"), (right, bottom, "╯")):
            self._drawn.put(x, y, corner, "plot--axis")

    def _is_inside(self, y: float) -> bool:
        return self._low <= y <= self._high

    def _mark_outside(self, points: Sequence[Gappy]) -> None:
        """What lies above is drawn at the top, and marked there."""
        self.marks([(x, self._high) for x, y in points if y is not None and y > self._high], "▲")

    def _dot(self, x: float, y: float) -> Dot:
        """The dot inside the frame that is nearest to a point."""
        column, row = int((x - self._left) * self._a_column), int((self._high - y) * self._a_row)
        return 2 * (MARGIN + 1) + max(0, min(self._columns - 1, column)), 4 + max(0, min(self._rows - 1, row))
