"""Log loss by group, and where each lies beside that of all rows, with its interval. Knows no widget."""

from textual.content import Content

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED, percent
from arena_tui.report.wording import FEW
from core.report.report import Group, Report

NAME_CELLS = 17
FIGURE_CELLS = 50
"""Cells of a line of groups before its plot."""
GAP = "  "
LEAST_PLOT = 12


def groups(report: Report, width: int) -> Content:
    """A line a group: its figures, and where its log loss lies beside that of all rows."""
    plot = width - FIGURE_CELLS - len(GAP)
    heading = f"{'rows by':<{NAME_CELLS}}{'rows':>8}{'share':>8}{'log loss':>9}{'acc.':>8}"
    lines = [Content.styled(heading, MUTED)]
    low, high = _limits(report)
    kind = ""
    for group in report.groups:
        if group.kind != kind:
            kind = group.kind
            lines.append(Content.styled(kind, "bold"))
        share = numbers.share(group.rows, report.rows)
        cells = (
            f"{'  ' + group.name:<{NAME_CELLS}}{numbers.count(group.rows):>8}"
            f"{share:>8}{numbers.loss(group.log_loss):>9}{percent(group.accuracy):>8}"
        )
        line = Content.styled(cells, MUTED if group.rows < FEW else "")
        if plot >= LEAST_PLOT:
            line += GAP + _plotted(group, report.log_loss.value, low, high, plot)
        lines.append(line)
    legend = f"fewer than {FEW} rows are muted"
    if plot >= LEAST_PLOT:
        lines.append(Content.styled(" " * FIGURE_CELLS + GAP + _ends(low, high, plot), MUTED))
        legend = f"● with its 95 % interval; │ all rows; ← → beyond the scale; {legend}"
    lines.append(Content.styled(legend, MUTED))
    return Content("\n").join(lines)


def _limits(report: Report) -> tuple[float, float]:
    """The ends of the plot's axis: the intervals of all groups that are not few, and the losses of the few, as far as
    these leave the others a third of it."""
    many = [group for group in report.groups if group.rows >= FEW] or report.groups
    low = min([report.log_loss.value, *(group.log_loss - (group.margin or 0) for group in many)])
    high = max([report.log_loss.value, *(group.log_loss + (group.margin or 0) for group in many)])
    if high == low:
        return low - 0.5, high + 0.5
    losses = [group.log_loss for group in report.groups]
    return max(low - (high - low), min(low, *losses)), min(high + (high - low), max(high, *losses))


def _ends(low: float, high: float, width: int) -> str:
    return f"{low:.2f}" + f"{high:.2f}".rjust(width - len(f"{low:.2f}"))


def _plotted(group: Group, overall: float, low: float, high: float, width: int) -> Content:
    """The interval as a line, the loss as a dot; at an end of the axis an arrow, where either goes on beyond it."""

    def column(value: float) -> int:
        return max(0, min(width - 1, round((value - low) / (high - low) * (width - 1))))

    first, last = group.log_loss - (group.margin or 0), group.log_loss + (group.margin or 0)
    cells = [" "] * width
    for place in range(column(first), column(last) + 1):
        cells[place] = "─"
    cells[column(overall)] = "│"
    cells[0] = "←" if first < low else cells[0]
    cells[-1] = "→" if last > high else cells[-1]
    at = column(group.log_loss)
    text = "".join(cells)
    mark = "←" if group.log_loss < low else "→" if group.log_loss > high else "●"
    return Content.assemble((text[:at], MUTED), (mark, "bold $accent"), (text[at + 1 :], MUTED))
