"""The figures and tables of a report as text: summary, calibration, outcomes, groups, chatbots. Knows no widget."""

import textwrap
from collections.abc import Callable

from rich.cells import cell_len
from textual.content import Content

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED, percent
from arena_tui.format.sanitize import printable
from arena_tui.format.width import padded
from arena_tui.report.wording import (
    a_wins,
    beside_accuracy,
    better,
    errors,
    first_place,
    flips,
    in_words,
    is_unlikely,
    of_ratings,
    of_strengths,
    points,
    rating,
    rating_difference,
)
from arena_tui.widgets.facts import Fact, facts, wrapped
from core.outcomes import outcomes_of
from core.report.rated import Ratings, Strengths
from core.report.report import Interval, LengthBias, PositionBias, Report

CALIBRATION_CELLS = 26
"""Cells of a line of the calibration beside its bar."""
LEAST_BAR, MOST_BAR = 10, 40
SHADES = " ░▒▓█"


def summary(report: Report, width: int) -> Content:
    """The log loss beside its references, and what else is told in one figure."""
    reached = report.log_loss.value
    rows: list[Fact] = [("log loss", numbers.loss(reached), "")]
    rows.append(("interval", _between(report.log_loss, numbers.loss), ""))
    if report.prompts:  # below it: beside it would take the room of what stands beside other figures
        rows.append(("", f"by {numbers.counted(report.prompts, 'prompt')}", ""))
    rows += [(r.name, numbers.loss(r.log_loss), numbers.difference(reached - r.log_loss)) for r in report.references]
    rows.append(("accuracy", percent(report.accuracy), beside_accuracy(report)))
    if bias := report.position_bias:
        rows.append(("swapped", numbers.loss(bias.swapped.value), f"{percent(bias.flip_rate.value)} flip"))
        rows.append(("averaged", numbers.loss(bias.averaged.value), numbers.difference(bias.gain.value)))
    if found := report.against:
        apart = found.difference
        may_be_chance = apart.low is not None and apart.high is not None and apart.low <= 0 <= apart.high
        rows += [
            ("other run", numbers.loss(found.other_log_loss), ""),
            ("difference", numbers.difference(apart.value), "may be chance" if may_be_chance else ""),
            ("at 95 %", _between(apart, numbers.difference), ""),
            ("right here", numbers.count(found.gained), f"there {numbers.count(found.lost)}"),
        ]
    return facts(wrapped(rows, width))


def _between(interval: Interval, written: Callable[[float], str]) -> str:
    if interval.low is None or interval.high is None:
        return f"{numbers.MISSING}, only one prompt"
    return f"{written(interval.low)} to {written(interval.high)}"


def calibration(report: Report, width: int) -> Content:
    """A bar of the accuracy for each bin of confidence; the mark is where it would end if it were calibrated."""
    cells = max(LEAST_BAR, min(MOST_BAR, width - CALIBRATION_CELLS))
    lines = [Content.styled(f"{'confidence':<11}{'accuracy':<{cells}}{'':>8}{'rows':>7}", MUTED)]
    for bin in report.calibration.filled:
        filled, mark = round(bin.accuracy * cells), min(cells - 1, round(bin.confidence * cells))
        bar = "█" * filled + "·" * (cells - filled)
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


def outcomes(report: Report, width: int) -> Content:
    """The confusion matrix, each cell shaded by its share of its line, and each outcome's figures below."""
    initials = outcomes_of(report.outcomes).initials
    digits = max(6, *(len(numbers.count(n)) + 1 for counts in report.confusion for n in counts))
    shades = 2 if 4 + len(initials) * (digits + 3) + 7 <= width else 1
    beside = " " * (1 + shades)
    heads = "".join(f"{'→ ' + name:>{digits}}{beside}" for name in initials)
    precision = "precision" if 10 + len(initials) * (digits + 1 + shades) + 7 <= width else "prec"
    room = len(precision) + 1
    lines = [Content.styled(f"{'true':<{room}}{heads}{'recall':>7}", MUTED)]
    for name, counts, one in zip(initials, report.confusion, report.classes, strict=True):
        cells: list[str | tuple[str, str]] = []
        for n in counts:
            cells += [f"{numbers.count(n):>{digits}} ", (_shade(n, one.rows) * shades, "$accent")]
        lines.append(Content.assemble((f"{name:<{room}}", MUTED), *cells, f"{percent(one.recall):>7}"))
    right = "".join(f"{percent(one.precision):>{digits}}{beside}" for one in report.classes)
    lines += [Content.assemble((f"{precision:<{room}}", MUTED), right), Content("")]
    lines.append(Content.styled(f"{'':<{room}}{'rows':>8}{'mean p':>8}{'log loss':>10}", MUTED))
    for name, one in zip(initials, report.classes, strict=True):
        share = numbers.share(one.rows, report.rows)
        loss = numbers.MISSING if one.log_loss is None else numbers.loss(one.log_loss)
        lines.append(
            Content.assemble((f"{name:<{room}}", MUTED), f"{share:>8}{percent(one.mean_probability):>8}{loss:>10}")
        )
    lines.append(Content.styled(f"{'':<{room}}{'calibration error':>18}{'chance':>8}", MUTED))
    for name, one in zip(initials, report.classes, strict=True):
        error, by_chance = one.calibration.error, one.calibration.by_chance
        lines.append(Content.assemble((f"{name:<{room}}", MUTED), f"{error:>18.4f}{by_chance:>8.4f}"))
    return Content("\n").join(lines)


def _shade(part: int, whole: int) -> str:
    """How much of a cell is filled: shades of one colour in every terminal, and without any."""
    return SHADES[round((len(SHADES) - 1) * part / whole)] if whole else SHADES[0]


RATED_CELLS = 41
"""Cells of a chatbot's figures."""
LEAST_NAME = 12
BAR = 20


def chatbots(report: Report, width: int) -> Content:
    """Chatbots, then pairs of them, the most overrated first."""
    if report.pairs is None:
        return Content("Which chatbots answered is not known.")
    tables = [_strengths(report, report.models, width) if report.models else Content("Chatbots have no ratings.")]
    if report.pairs.rated:
        tables.append(_rated("pair: the first's figures", report, report.pairs, width))
    return Content("\n\n").join(tables)


def _strengths(report: Report, strengths: Strengths, width: int) -> Content:
    longest = max(map(cell_len, ("chatbot", *(printable(one.name) for one in strengths.rated))))
    names = max(LEAST_NAME, min(longest, width - RATED_CELLS))
    heads = f"{padded('chatbot', names)}{'rows':>7}{'people':>9}{'model':>10}{'diff.':>7}{'in SE':>8}"
    lines = [Content.styled(heads, MUTED)]
    for one in strengths.rated:
        unlikely = "bold $text-warning" if is_unlikely(one.q) else ""
        lines.append(
            Content.assemble(
                padded(printable(one.name), names),
                f"{numbers.count(one.rows):>7}{rating(one.people):>9}{rating(one.model):>10}",
                (f"{rating_difference(one.difference):>7}{errors(one.z):>7}", unlikely),
                ("!" if unlikely else " ", unlikely),
            )
        )
    lines.append(Content.styled(of_strengths(strengths, report.outcomes), MUTED))
    return Content("\n").join(lines)


def _rated(title: str, report: Report, ratings: Ratings, width: int) -> Content:
    longest = max(map(cell_len, (title, *(printable(one.name) for one in ratings.rated))))
    names = max(LEAST_NAME, min(longest, width - RATED_CELLS))
    heads = f"{padded(title, names)}{'rows':>7}{'scored':>9}{'predicted':>10}{'diff.':>7}{'in SE':>8}"
    lines = [Content.styled(heads, MUTED)]
    for one in ratings.rated:
        unlikely = "bold $text-warning" if is_unlikely(one.q) else ""
        name = padded(printable(one.name), names)
        lines.append(
            Content.assemble(
                name,
                f"{numbers.count(one.rows):>7}{percent(one.score):>9}{percent(one.predicted):>10}",
                (f"{points(one.difference):>7}{errors(one.z):>7}", unlikely),
                ("!" if unlikely else " ", unlikely),
            )
        )
    lines.append(Content.styled(of_ratings(ratings, report.outcomes), MUTED))
    return Content("\n").join(lines)


def biases(report: Report, width: int, *, reads_apart: bool) -> Content:
    """What the model likes that has nothing to do with content."""
    lengths = (
        _lengths(report, report.length_bias) if report.length_bias else Content("The rows' lengths are not known.")
    )
    unknown = READ_APART if reads_apart else NOT_SWAPPED
    position = _position(report.position_bias) if report.position_bias else unknown
    lines = (textwrap.fill(line, width, subsequent_indent="  ") for line in position.splitlines())
    return Content.assemble(lengths, "\n\n", ("position bias", "bold"), "\n", "\n".join(lines))


READ_APART = "none: each answer is read apart, and to swap A and B swaps their probabilities"
NOT_SWAPPED = (
    "A and B were not swapped: eval.swap = true scores both orders in a run, arena-tui report --score-swap does so "
    "afterwards"
)


def _lengths(report: Report, bias: LengthBias) -> Content:
    lines = [
        Content.styled("length bias", "bold"),
        Content(
            f"of {numbers.counted(bias.rows, 'row')} with a winner and answers of different length, the longer wins:"
        ),
        _share("people", bias.humans),
        _share("the model", bias.model),
        _share("its picks", bias.picked),
        Content.styled(f"\n{a_wins(report):<22}{'rows':>7}{'people':>10}{'model':>9}", MUTED),
    ]
    for bin in bias.bins:
        cells = f"{'  ' + bin.name:<22}{numbers.count(bin.rows):>7}{percent(bin.humans):>10}{percent(bin.model):>9}"
        lines.append(Content(cells))
    return Content("\n").join(lines)


def _position(bias: PositionBias) -> str:
    return (
        f"{flips(bias)}\n"
        f"{first_place(bias)}\n"
        f"swapped alone    {numbers.loss(bias.swapped.value)}  {in_words(bias.swapped)}\n"
        f"both averaged    {numbers.loss(bias.averaged.value)}  {in_words(bias.averaged)}\n"
        f"averaging is {better(bias.gain)}"
    )


def _share(name: str, share: float) -> Content:
    filled = round(share * BAR)
    return Content.assemble(
        f"  {name:<11}{percent(share):>7}  ", ("█" * filled, "$accent"), ("·" * (BAR - filled), MUTED)
    )
