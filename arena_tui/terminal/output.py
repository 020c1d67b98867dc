"""What the terminal is sent: only cells that differ, in ASCII where it has nothing else."""

from collections.abc import Iterator
from itertools import groupby

from rich.cells import cell_len, get_character_cell_size
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Size
from textual.strip import Strip

from arena_tui.terminal.streams import alike

UNKNOWN = "?"


class Ascii(LineFilter):
    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            segment if segment.text.isascii() else Segment(in_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def in_ascii(text: str) -> str:
    """`text` in as many cells, each with something like what was there, or a question mark."""
    cells = cell_len(text)
    return text.translate(_TABLE).ljust(cells)[:cells]


class _Table(dict[int, str]):
    """What stands for a character, made when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = chr(code) if code < 0x80 else _in_its_cells(chr(code))
        return found


_TABLE = _Table()


def _in_its_cells(character: str) -> str:
    found, cells = alike(character), cell_len(character)
    return found if len(found) == cells else UNKNOWN * cells


Cell = tuple[str, Style | None]
Piece = tuple[int, int, Strip]
"""Row, column and what stands there from that column on."""
APART = 6
"""From so many unchanged cells between two changes on, moving the cursor is cheaper than sending them again."""


class Sent:
    """The cells of the terminal; None where it is not known what a cell shows."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._cells: list[list[Cell | None]] = []

    def render(self, update: LayoutUpdate | ChopsUpdate, size: Size, console: Console) -> str:
        """The sequences that bring the terminal up to date. A whole picture is sent whole: it heals a spoilt screen."""
        if isinstance(update, LayoutUpdate) or size != self._size:
            self._size = size
            self._cells = [[None] * size.width for _ in range(size.height)]
        pieces = _pieces_of_layout(update) if isinstance(update, LayoutUpdate) else _pieces_of_chops(update)
        return "".join(
            Control.move_to(x, y).segment.text + strip.render(console)
            for piece in pieces
            for x, y, strip in self._changes(*piece)
        )

    def _changes(self, y: int, x: int, strip: Strip) -> Iterator[tuple[int, int, Strip]]:
        """Column, row and cells of each stretch of a piece that the terminal does not show yet."""
        row = self._cells[y] if y < len(self._cells) else []  # an update may be older than the terminal's size
        cells = _cells(strip)
        if cells is None or x + len(cells) > len(row):
            # Terminals disagree about wide characters, so what is behind them may stand anywhere.
            row[x : x + strip.cell_length] = [None] * len(row[x : x + strip.cell_length])
            yield x, y, strip
            return
        changed = [i for i, cell in enumerate(cells) if row[x + i] != cell]
        if not changed:
            return
        row[x : x + len(cells)] = cells
        start = end = changed[0]
        for i in changed[1:]:
            if i - end > APART:
                yield x + start, y, _strip(cells[start : end + 1])
                start = i
            end = i
        yield x + start, y, _strip(cells[start : end + 1])


class Changes(CompositorUpdate):
    """An update of Textual's, told as what differs from what was sent before."""

    def __init__(self, sent: Sent, update: LayoutUpdate | ChopsUpdate, size: Size) -> None:
        self._sent = sent
        self._update = update
        self._size = size

    def render_segments(self, console: Console) -> str:
        return self._sent.render(self._update, self._size, console)


def _pieces_of_layout(update: LayoutUpdate) -> Iterator[Piece]:
    for y, strips in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in strips:
            yield y, x, strip
            x += strip.cell_length


def _pieces_of_chops(update: ChopsUpdate) -> Iterator[Piece]:
    """Those that meet a span of the update."""
    for y, first, end in update.spans:
        for chop_end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < end and chop_end > first:
                yield y, x, strip


def _cells(strip: Strip) -> list[Cell] | None:
    """One for each character; None where not every character takes one cell."""
    cells: list[Cell] = []
    for text, style, control in strip:
        if control or not (text.isascii() or all(get_character_cell_size(character) == 1 for character in text)):
            return None
        cells += [(character, style) for character in text]
    return cells


def _strip(cells: list[Cell]) -> Strip:
    return Strip(
        [Segment("".join(text for text, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1])]
    )
