"""Aligned figures: a label, the figure, and beside it what to compare it with. Pure text, no widget."""

from collections.abc import Sequence

from textual.content import Content

from arena_tui.marks import MUTED

Fact = tuple[str, str, str]
"""Label, figure with its unit, and what stands beside it. All of it must be printable already."""


def facts(rows: Sequence[Fact], *, figures_right: bool = False) -> Content:
    """One line a row, in columns; labels are muted, figures stand out."""
    label_width = max((len(label) for label, _, _ in rows), default=0)
    figure_width = max((len(figure) for _, figure, beside in rows if beside), default=0)
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
