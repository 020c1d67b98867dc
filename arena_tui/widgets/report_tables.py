"""The longer tables of a report as text: groups of rows, chatbots, biases. Pure; knows no widget."""

from textual.content import Content

from arena_tui import figures
from arena_tui.marks import MUTED
from arena_tui.plain import printable
from arena_tui.reported import FEW, better, errors, in_words, is_unlikely, of_ratings, percent, points
from core.report.report import Group, LengthBias, PositionBias, Ratings, Report

NAME_CELLS = 17
FIGURE_CELLS = 51
"""Cells of a line of groups before its plot."""
LEAST_PLOT = 12
CHATBOT_CELLS = 34
BAR = 20


def groups(report: Report, width: int) -> Content:
    """A line a group: its figures, and where its log loss lies beside that of all rows."""
    plot = width - FIGURE_CELLS
    heading = f"{'rows by':<{NAME_CELLS}}{'rows':>8}{'share':>9}{'log loss':>9}{'acc.':>8}"
    lines = [Content.styled(heading, MUTED)]
    low, high = _limits(report)
    kind = ""
    for group in report.groups:
        if group.kind != kind:
            kind = group.kind
            lines.append(Content.styled(kind, "bold"))
        cells = (
            f"{'  ' + group.name:<{NAME_CELLS}}{figures.count(group.rows):>8}"
            f"{figures.share(group.rows, report.rows):>9}{figures.loss(group.log_loss):>9}{percent(group.accuracy):>8}"
        )
        line = Content.styled(cells, MUTED if group.rows < FEW else "")
        lines.append(line + _plotted(group, report.log_loss.value, low, high, plot) if plot >= LEAST_PLOT else line)
    if plot >= LEAST_PLOT:
        ends = f"{low:.2f}" + f"{high:.2f}".rjust(plot - 4)
        lines.append(Content.styled(" " * FIGURE_CELLS + ends, MUTED))
    lines.append(Content.styled(f"● with its 95 % interval; │ all rows; fewer than {FEW} rows are muted", MUTED))
    return Content("\n").join(lines)


def _limits(report: Report) -> tuple[float, float]:
    """The ends of the plot's axis: the intervals of all groups that are not few."""
    many = [group for group in report.groups if group.rows >= FEW] or report.groups
    low = min([report.log_loss.value, *(group.log_loss - (group.margin or 0) for group in many)])
    high = max([report.log_loss.value, *(group.log_loss + (group.margin or 0) for group in many)])
    return low, high if high > low else low + 1


def _plotted(group: Group, overall: float, low: float, high: float, width: int) -> Content:
    def column(value: float) -> int:
        return max(0, min(width - 1, round((value - low) / (high - low) * (width - 1))))

    cells = [" "] * width
    margin = group.margin or 0
    for place in range(column(group.log_loss - margin), column(group.log_loss + margin) + 1):
        cells[place] = "─"
    cells[column(overall)] = "│"
    at = column(group.log_loss)
    text = "".join(cells)
    mark = "←" if group.log_loss < low else "→" if group.log_loss > high else "●"
    return Content.assemble((text[:at], MUTED), (mark, "bold $accent"), (text[at + 1 :], MUTED))


def chatbots(report: Report) -> Content:
    """Chatbots, then pairs of them, the most overrated first."""
    if report.models is None or report.pairs is None:
        return Content("The rows do not say which chatbots answered.")
    tables = [_rated("chatbot", report.models)]
    if report.pairs.rated:
        tables.append(_rated("pair: the first's figures", report.pairs))
    return Content("\n\n").join(tables)


def _rated(title: str, ratings: Ratings) -> Content:
    lines = [
        Content.styled(
            f"{title:<{CHATBOT_CELLS}}{'rows':>7}{'scored':>9}{'predicted':>10}{'apart':>7}{'errors':>8}", MUTED
        )
    ]
    for one in ratings.rated:
        unlikely = "bold $text-warning" if is_unlikely(one.z) else ""
        name = Content(printable(one.name)).truncate(CHATBOT_CELLS - 1, ellipsis=True)
        lines.append(
            Content.assemble(
                name,
                " " * (CHATBOT_CELLS - name.cell_length),
                f"{figures.count(one.rows):>7}{percent(one.score):>9}{percent(one.predicted):>10}",
                (f"{points(one.difference):>7}{errors(one.z):>7}", unlikely),
                ("!" if unlikely else " ", unlikely),
            )
        )
    lines.append(Content.styled(of_ratings(ratings), MUTED))
    return Content("\n").join(lines)


def biases(report: Report) -> Content:
    """What the model likes that has nothing to do with content."""
    parts = [_lengths(report.length_bias) if report.length_bias else Content("The rows' lengths are not known.")]
    if report.position_bias:
        parts.append(_position(report.position_bias))
    else:
        parts.append(
            Content.assemble(
                ("the place of an answer", "bold"),
                "\nA and B were not scored in exchanged places: eval.swap = true does that in a run, and "
                "arena-tui report --score-swap afterwards",
            )
        )
    return Content("\n\n").join(parts)


def _lengths(bias: LengthBias) -> Content:
    lines = [
        Content.styled("the longer answer", "bold"),
        Content(f"of {figures.count(bias.rows)} rows with a winner and answers of unlike length, it wins with"),
        _share("people", bias.humans),
        _share("the model", bias.model),
        _share("its picks", bias.picked),
        Content.styled(f"\n{'A wins, ties apart':<22}{'rows':>7}{'people':>10}{'model':>9}", MUTED),
    ]
    for bin in bias.bins:
        cells = f"{'  ' + bin.name:<22}{figures.count(bin.rows):>7}{percent(bin.humans):>10}{percent(bin.model):>9}"
        lines.append(Content(cells))
    return Content("\n").join(lines)


def _position(bias: PositionBias) -> Content:
    return Content.assemble(
        ("the place of an answer", "bold"),
        f"\n{percent(bias.flip_rate)} of the rows get another most probable outcome when A and B change places",
        f"\nstanding first adds {points(bias.first)} points to an answer's probability of winning",
        f"\nexchanged alone  {figures.loss(bias.swapped.value)}  {in_words(bias.swapped)}",
        f"\nboth averaged    {figures.loss(bias.averaged.value)}  {in_words(bias.averaged)}",
        f"\naveraging is {better(bias.gain)}",
    )


def _share(name: str, share: float) -> Content:
    filled = round(share * BAR)
    return Content.assemble(
        f"  {name:<11}{percent(share):>7}  ", ("█" * filled, "$accent"), ("·" * (BAR - filled), MUTED)
    )
