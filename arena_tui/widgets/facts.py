"""Aligned figures: a label, the figure, and beside it what to compare it with. Pure text, no widget."""

import textwrap
from collections.abc import Sequence

from textual.content import Content

from arena_tui.format.numbers import MUTED

MINIMUM = 12
"""Cells for what is broken into lines, however narrow the place."""

Fact = tuple[str, str, str]
"""Label, figure with its unit, and what stands beside it. All of it must be printable already."""


def wrapped(rows: Sequence[Fact], width: int) -> list[Fact]:
    """The same rows broken into lines, so that all of it fits `width` cells: what stands beside a figure, or the figure
    where nothing does."""
    label_width, figure_width = _widths(rows)
    room = max(MINIMUM, width - label_width - figure_width - 4)
    broken: list[Fact] = []
    for label, figure, beside in rows:
        if beside:
            first, *rest = textwrap.wrap(beside, room) or [beside]
            broken += [(label, figure, first), *(("", "", line) for line in rest)]
        else:
            first, *rest = _lines(figure, max(MINIMUM, width - label_width - 2))
            broken += [(label, first, ""), *(("", line, "") for line in rest)]
    return broken


def _lines(text: str, width: int) -> list[str]:
    """Broken at spaces, else, as a path, wherever the line is full."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [text]


def hanging(mark: str, text: str, width: int) -> str:
    """`text` behind a mark, in lines of `width` cells that all begin where the first one does."""
    indent = " " * (len(mark) + 1)
    lines = textwrap.wrap(text, max(MINIMUM, width), initial_indent=indent, subsequent_indent=indent)
    return mark + "\n".join(lines)[len(mark) :]


def bulleted(mark: str, texts: Sequence[str], width: int) -> Content:
    """Each of `texts` behind the mark, on lines of its own."""
    return Content("\n".join(hanging(mark, text, width) for text in texts))


def facts(rows: Sequence[Fact], *, figures_right: bool = False) -> Content:
    """One line a row, in columns; labels are muted, figures stand out."""
    label_width, figure_width = _widths(rows)
    lines = []
    for label, figure, beside in rows:
        aligned = figure.rjust(figure_width) if figures_right else figure.ljust(figure_width)
        lines.append(
            Content.assemble(
                (label.ljust(label_width), MUTED),
                "  ",
                (aligned if beside else figure, "bold"),
                (f"  {beside}" if beside else "", MUTED),
            )
        )
    return Content("\n").join(lines)


def _widths(rows: Sequence[Fact]) -> tuple[int, int]:
    """Cells of the labels and of the figures that have something beside them."""
    label = max((len(label) for label, _, _ in rows), default=0)
    return label, max((len(figure) for _, figure, beside in rows if beside), default=0)
