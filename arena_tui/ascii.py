"""Draws the whole screen in ASCII, for terminals that have nothing else: the one place where that is done.

Every line on its way to the terminal comes through here, so that no widget need know of it, and no text from outside
is left out. Each cell stays a cell.
"""

import unicodedata

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

ALIKE = {
    "●": "*", "◆": "#", "◷": "@", "◌": "o", "◑": "/", "◍": "%", "✓": "+", "■": "=", "✗": "x",
    "·": ".", "•": "*", "…": "~", "−": "-", "–": "-", "—": "-", "×": "x", "±": "~", "✂": "|",
    "“": '"', "”": '"', "‘": "'", "’": "'", "▲": "^", "▼": "v", "←": "<", "→": ">", "↑": "^", "↓": "v", "⏎": "<",
    "━": "=", "▶": ">", "◀": "<", "▁": "_", "▂": "_", "▃": "_",
    "▄": "=", "▅": "=", "▆": "=", "▇": "#", "█": "#", "▔": "-", "▀": "-",
}  # fmt: skip
UNKNOWN = "?"
UPPER_DOTS = 0b0001_1011
"""Of a braille character's eight dots, by the bits of its code, those in its upper half."""


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
        self[code] = found = chr(code) if code < 0x80 else _alike(chr(code))
        return found


_TABLE = _Table()


def _alike(character: str) -> str:
    code = ord(character)
    if character in ALIKE:
        return ALIKE[character]
    if 0x2500 <= code < 0x2580:  # box drawing
        name = unicodedata.name(character)
        return "-" if name.endswith("HORIZONTAL") else "|" if name.endswith("VERTICAL") else "+"
    if 0x2580 <= code < 0x25A0:  # what is left of the block elements
        return "|"
    if 0x2800 <= code < 0x2900:
        dots = code - 0x2800
        upper, lower = dots & UPPER_DOTS, dots & ~UPPER_DOTS
        return ":" if upper and lower else "'" if upper else "." if lower else " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    cells = cell_len(character)
    return plain if len(plain) == cells else UNKNOWN * cells
