"""Rows by length, with the limit drawn in as a line: what lies beyond it is cut. Told lengths; knows no rows."""

import numpy as np
from textual.content import Content
from textual.widget import Widget

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from core.data.shape import Counts
from core.inspect.figures import histogram

EIGHTHS = " ▁▂▃▄▅▆▇█"
SHOWN_PERCENT = 99
"""The longest rows would press all others into a few columns: they are counted in the last one."""
CELLS_A_TICK = 12
ROUND_STEPS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


class Histogram(Widget):
    DEFAULT_CSS = """
    Histogram {
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
        padding: 0 1;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._full: Counts = np.zeros(0, dtype=np.int64)
        self._usual = 0
        self._limit = 0

    def on_mount(self) -> None:
        self.border_title = Content("rows by length in tokens")

    def load(self, full: Counts) -> None:
        """Show these lengths, (n,)."""
        self._full = full
        self._usual = int(np.percentile(full, SHOWN_PERCENT)) if len(full) else 0

    def show(self, limit: int) -> None:
        """Draw the limit here."""
        self._limit = limit
        self.refresh()

    def render(self) -> Content:
        width, height = self.content_size
        if not len(self._full) or width < 2 or height < 3:
            return Content("")
        most = max(self._usual, self._limit + self._limit // 8)
        rows = histogram(self._full, most=most, bins=width)
        at = min(width - 1, self._limit * width // most)
        lines = [_label(numbers.count(self._limit), at, width)]
        for text in _bars(rows, height - 2):
            lines.append(
                Content.assemble((text[:at], "$accent"), ("│", "bold $foreground"), (text[at + 1 :], "$warning"))
            )
        lines.append(Content.styled(_ticks(most, width), MUTED))
        return Content("\n").join(lines)


def _bars(rows: Counts, height: int) -> list[str]:
    """Lines from the top, a column for each bin; a bin that is not empty is at least an eighth of a cell high."""
    eighths = np.ceil(rows * 8 * height / max(1, rows.max())).astype(np.int64)
    levels = [np.clip(eighths - 8 * (height - 1 - y), 0, 8) for y in range(height)]
    return ["".join(EIGHTHS[level] for level in line) for line in levels]


def _label(text: str, at: int, width: int) -> Content:
    start = max(0, min(at - len(text) // 2, width - len(text)))
    return Content.assemble(" " * start, (text, "bold"))


def _ticks(most: int, width: int) -> str:
    """Round lengths below their columns; the last column holds longer rows too."""
    step = next((s for s in ROUND_STEPS if s * width // most >= CELLS_A_TICK), ROUND_STEPS[-1])
    line = "0"
    for tick in range(step, most, step):
        text, column = numbers.count(tick), tick * width // most
        if column + len(text) + 2 <= width:
            line = line.ljust(column) + text
    return line.ljust(width - 1) + "+"
