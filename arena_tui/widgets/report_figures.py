"""The figures of a report as text: summary, calibration, outcomes. Pure; knows no widget."""

from textual.content import Content

from arena_tui import figures
from arena_tui.marks import MUTED
from arena_tui.reported import beside_accuracy, percent
from arena_tui.widgets.facts import Fact, facts, wrapped
from core.report.report import Interval, Report

INITIALS = ("A", "B", "tie")
BAR = 10
STRONGEST = 60
"""Percent of the accent behind a cell with all rows of its outcome: a word on it can still be read."""


def summary(report: Report, width: int) -> Content:
    """The log loss beside its references, and what else is told in one figure."""
    reached = report.log_loss.value
    rows: list[Fact] = [("log loss", figures.loss(reached), ""), _interval(report.log_loss)]
    rows += [(r.name, figures.loss(r.log_loss), figures.difference(reached - r.log_loss)) for r in report.references]
    rows.append(("accuracy", percent(report.accuracy), beside_accuracy(report)))
    if bias := report.position_bias:
        rows.append(("exchanged", figures.loss(bias.swapped.value), f"{percent(bias.flip_rate)} flip"))
        rows.append(("averaged", figures.loss(bias.averaged.value), figures.difference(bias.gain.value)))
    if found := report.against:
        rows.append(("the other", figures.loss(found.other_log_loss), figures.difference(found.difference.value)))
        rows.append(_interval_of_difference(found.difference))
        rows.append(("right", figures.count(found.gained), f"here only, {figures.count(found.lost)} there only"))
    return facts(wrapped(rows, width))


def _interval_of_difference(difference: Interval) -> Fact:
    if difference.low is None or difference.high is None:
        return _interval(difference)
    doubt = ": may be chance" if difference.low <= 0 <= difference.high else ""
    return ("95 %", figures.difference(difference.low), f"to {figures.difference(difference.high)}{doubt}")


def _interval(interval: Interval) -> Fact:
    if interval.low is None or interval.high is None:
        return ("95 %", figures.MISSING, "one row tells none")
    return ("95 %", figures.loss(interval.low), f"to {figures.loss(interval.high)}")


def calibration(report: Report) -> Content:
    """A bar of the accuracy for each bin of confidence; the mark is where it would end if it were calibrated."""
    lines = [Content.styled(f"{'confidence':<11}{'accuracy':<{BAR}}{'':>8}{'rows':>7}", MUTED)]
    for bin in report.calibration.filled:
        filled, mark = round(bin.accuracy * BAR), min(BAR - 1, round(bin.confidence * BAR))
        bar = "█" * filled + "·" * (BAR - filled)
        lines.append(
            Content.assemble(
                (f"{bin.low:.2f}–{bin.high:.2f}  ", MUTED),
                (bar[:mark], "$accent"),
                ("┃", "bold $text-warning"),
                (bar[mark + 1 :], "$accent"),
                f"{percent(bin.accuracy):>8}{figures.count(bin.rows):>7}",
            )
        )
    return Content("\n").join(lines)


def outcomes(report: Report) -> Content:
    """The confusion matrix, each line tinted by its shares, and each outcome's figures below."""
    lines = [Content.styled(f"{'was':<4}" + "".join(f"{'→ ' + name:>8}" for name in INITIALS) + f"{'found':>8}", MUTED)]
    for name, counts, one in zip(INITIALS, report.confusion, report.classes, strict=True):
        cells = [
            (f"{figures.count(n):>8}", f"on $accent {round(STRONGEST * n / one.rows) if one.rows else 0}%")
            for n in counts
        ]
        lines.append(Content.assemble((f"{name:<4}", MUTED), *cells, f"{percent(one.recall):>8}"))
    right = [percent(one.precision) for one in report.classes]
    lines.append(Content.assemble(("hit ", MUTED), "".join(f"{text:>8}" for text in right)))
    lines += [Content(""), Content.styled(f"{'':<4}{'rows':>8}{'mean p':>8}{'log loss':>10}", MUTED)]
    for name, one in zip(INITIALS, report.classes, strict=True):
        share = figures.share(one.rows, report.rows)
        loss = figures.MISSING if one.log_loss is None else figures.loss(one.log_loss)
        lines.append(Content.assemble((f"{name:<4}", MUTED), f"{share:>8}{percent(one.mean_probability):>8}{loss:>10}"))
    return Content("\n").join(lines)
