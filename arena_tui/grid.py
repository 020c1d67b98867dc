"""A grid of cells to draw on, with characters and with dots, 2 x 4 to a cell as braille. Pure; knows no widget."""

from collections.abc import Iterable, Iterator

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
