"""Draws the whole screen in ASCII, for terminals that have nothing else: the one place where that is done.

Every line on its way to the terminal comes through here, so that no widget need know of it, and no text from outside
is left out. Each cell stays a cell.
"""

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

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
