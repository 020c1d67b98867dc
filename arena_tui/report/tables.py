"""The figures and tables of a report as text: summary, calibration, outcomes, groups, chatbots. Knows no widget."""

from textual.content import Content

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable
from arena_tui.report.wording import (
    FEW,
    INITIALS,
    beside_accuracy,
    better,
    errors,
    in_words,
    is_unlikely,
    of_ratings,
    percent,
    points,
)
from arena_tui.widgets.facts import Fact, facts, wrapped
from core.report.report import Group, Interval, LengthBias, PositionBias, Ratings, Report

CALIBRATION_BAR = 10
STRONGEST = 60
"""Percent of the accent behind a cell with all rows of its outcome: a word on it can still be read."""


def summary(report: Report, width: int) -> Content:
    """The log loss beside its references, and what else is told in one figure."""
    reached = report.log_loss.value
    rows: list[Fact] = [("log loss", numbers.loss(reached), ""), _interval(report.log_loss)]
    rows += [(r.name, numbers.loss(r.log_loss), numbers.difference(reached - r.log_loss)) for r in report.references]
    rows.append(("accuracy", percent(report.accuracy), beside_accuracy(report)))
    if bias := report.position_bias:
        rows.append(("exchanged", numbers.loss(bias.swapped.value), f"{percent(bias.flip_rate)} flip"))
        rows.append(("averaged", numbers.loss(bias.averaged.value), numbers.difference(bias.gain.value)))
    if found := report.against:
        rows.append(("the other", numbers.loss(found.other_log_loss), numbers.difference(found.difference.value)))
        rows.append(_interval_of_difference(found.difference))
        rows.append(("right", numbers.count(found.gained), f"here only, {numbers.count(found.lost)} there only"))
    return facts(wrapped(rows, width))


def _interval_of_difference(difference: Interval) -> Fact:
    if difference.low is None or difference.high is None:
        return _interval(difference)
    doubt = ": may be chance" if difference.low <= 0 <= difference.high else ""
    return ("95 %", numbers.difference(difference.low), f"to {numbers.difference(difference.high)}{doubt}")


def _interval(interval: Interval) -> Fact:
    if interval.low is None or interval.high is None:
        return ("95 %", numbers.MISSING, "one row tells none")
    return ("95 %", numbers.loss(interval.low), f"to {numbers.loss(interval.high)}")


def calibration(report: Report) -> Content:
    """A bar of the accuracy for each bin of confidence; the mark is where it would end if it were calibrated."""
    lines = [Content.styled(f"{'confidence':<11}{'accuracy':<{CALIBRATION_BAR}}{'':>8}{'rows':>7}", MUTED)]
    for bin in report.calibration.filled:
        filled, mark = (
            round(bin.accuracy * CALIBRATION_BAR),
            min(CALIBRATION_BAR - 1, round(bin.confidence * CALIBRATION_BAR)),
        )
        bar = "█" * filled + "·" * (CALIBRATION_BAR - filled)
        lines.append(
            Content.assemble(
                (f"{bin.low:.2f}–{bin.high:.2f}  ", MUTED),
                (bar[:mark], "$accent"),
                ("┃", "bold $text-warning"),
                (bar[mark + 1 :], "$accent"),
                f"{percent(bin.accuracy):>8}{numbers.count(bin.rows):>7}",
            )
        )
    return Content("\n").join(lines)


def outcomes(report: Report) -> Content:
    """The confusion matrix, each line tinted by its shares, and each outcome's figures below."""
    lines = [Content.styled(f"{'was':<4}" + "".join(f"{'→ ' + name:>8}" for name in INITIALS) + f"{'found':>8}", MUTED)]
    for name, counts, one in zip(INITIALS, report.confusion, report.classes, strict=True):
        cells = [
            (f"{numbers.count(n):>8}", f"on $accent {round(STRONGEST * n / one.rows) if one.rows else 0}%")
            for n in counts
        ]
        lines.append(Content.assemble((f"{name:<4}", MUTED), *cells, f"{percent(one.recall):>8}"))
    right = [percent(one.precision) for one in report.classes]
    lines.append(Content.assemble(("hit ", MUTED), "".join(f"{text:>8}" for text in right)))
    lines += [Content(""), Content.styled(f"{'':<4}{'rows':>8}{'mean p':>8}{'log loss':>10}", MUTED)]
    for name, one in zip(INITIALS, report.classes, strict=True):
        share = numbers.share(one.rows, report.rows)
        loss = numbers.MISSING if one.log_loss is None else numbers.loss(one.log_loss)
        lines.append(Content.assemble((f"{name:<4}", MUTED), f"{share:>8}{percent(one.mean_probability):>8}{loss:>10}"))
    return Content("\n").join(lines)


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
            f"{'  ' + group.name:<{NAME_CELLS}}{numbers.count(group.rows):>8}"
            f"{numbers.share(group.rows, report.rows):>9}{numbers.loss(group.log_loss):>9}{percent(group.accuracy):>8}"
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
                f"{numbers.count(one.rows):>7}{percent(one.score):>9}{percent(one.predicted):>10}",
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
        Content(f"of {numbers.count(bias.rows)} rows with a winner and answers of unlike length, it wins with"),
        _share("people", bias.humans),
        _share("the model", bias.model),
        _share("its picks", bias.picked),
        Content.styled(f"\n{'A wins, ties apart':<22}{'rows':>7}{'people':>10}{'model':>9}", MUTED),
    ]
    for bin in bias.bins:
        cells = f"{'  ' + bin.name:<22}{numbers.count(bin.rows):>7}{percent(bin.humans):>10}{percent(bin.model):>9}"
        lines.append(Content(cells))
    return Content("\n").join(lines)


def _position(bias: PositionBias) -> Content:
    return Content.assemble(
        ("the place of an answer", "bold"),
        f"\n{percent(bias.flip_rate)} of the rows get another most probable outcome when A and B change places",
        f"\nstanding first adds {points(bias.first)} points to an answer's probability of winning",
        f"\nexchanged alone  {numbers.loss(bias.swapped.value)}  {in_words(bias.swapped)}",
        f"\nboth averaged    {numbers.loss(bias.averaged.value)}  {in_words(bias.averaged)}",
        f"\naveraging is {better(bias.gain)}",
    )


def _share(name: str, share: float) -> Content:
    filled = round(share * BAR)
    return Content.assemble(
        f"  {name:<11}{percent(share):>7}  ", ("█" * filled, "$accent"), ("·" * (BAR - filled), MUTED)
    )
