"""A report in lines of at most 80 columns, for pipes and plain terminals."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from arena_tui.format import numbers
from arena_tui.format.numbers import percent
from arena_tui.format.sanitize import printable
from arena_tui.format.width import padded
from arena_tui.report.wording import (
    MARGIN,
    a_wins,
    beside_accuracy,
    better,
    by_prompt,
    errors,
    first_place,
    flips,
    in_words,
    is_unlikely,
    of_ratings,
    of_strengths,
    points,
    preferences,
    rating,
    rating_difference,
    shares,
    titled,
    winner,
)
from core.outcomes import outcomes_of
from core.report.rated import Ratings, Strengths
from core.report.report import Against, LengthBias, ListedRow, PositionBias, Report

COLUMNS = 80
NAME_CELLS = 25
CELL = 10
MOST_RATED = 5
"""Chatbots, and pairs of them, at each end."""

Row = Sequence[str]


def as_text(report: Report, rows: int) -> str:
    """The whole report; of each list of rows, the first `rows`."""
    parts = [
        _headline(report),
        _classes(report),
        _calibration(report),
        _groups(report),
        *([_position(report.position_bias)] if report.position_bias else []),
        *([_lengths(report, report.length_bias)] if report.length_bias else []),
        *([_strengths(report, report.models)] if report.models else []),
        *([_ratings("pairs (of the first)", report, report.pairs)] if report.pairs and report.pairs.rated else []),
        *([_against(report.against)] if report.against else []),
        *([_list(report, title, listed[:rows]) for title, listed in titled(report).items()] if rows else []),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _headline(report: Report) -> Iterator[str]:
    yield f"{printable(report.run)}, {numbers.counted(report.rows, 'evaluation row')}"
    for caution in report.cautions:
        yield from _wrapped(f"! {printable(caution)}", "  ")
    yield ""
    yield f"log loss  {numbers.loss(report.log_loss.value)}  {in_words(report.log_loss)}{by_prompt(report)}"
    for reference in report.references:
        apart = numbers.difference(report.log_loss.value - reference.log_loss)
        head = f"{reference.name:<8}  {numbers.loss(reference.log_loss)}  {apart}  "
        yield from _wrapped(head + reference.what, " " * len(head))
    yield f"accuracy  {percent(report.accuracy)}  {beside_accuracy(report)}"


def _classes(report: Report) -> Iterator[str]:
    names = [one.name for one in report.classes]
    yield _line("outcome", ("rows", "share", "predicted", "mean p", "log loss", "recall", "precision"))
    for one in report.classes:
        yield _line(
            one.name,
            (
                numbers.count(one.rows),
                numbers.share(one.rows, report.rows),
                numbers.count(one.predicted),
                percent(one.mean_probability),
                numbers.MISSING if one.log_loss is None else numbers.loss(one.log_loss),
                percent(one.recall),
                percent(one.precision),
            ),
        )
    yield ""
    yield _line("true (down), predicted", names)
    for name, counts in zip(names, report.confusion, strict=True):
        yield _line(name, [numbers.count(n) for n in counts])


def _calibration(report: Report) -> Iterator[str]:
    found = report.calibration
    yield f"expected calibration error {found.error:.4f}, by chance {found.by_chance:.4f}"
    yield f"{found.bins} bins of the most probable outcome"
    yield _line("confidence", ("rows", "mean", "accuracy", ""))
    for bin in found.filled:
        bar = "#" * round(20 * bin.accuracy)
        cells = (numbers.count(bin.rows), percent(bin.confidence), percent(bin.accuracy))
        yield f"{_line(f'{bin.low:.2f} to {bin.high:.2f}', cells)}  {bar}"
    yield _line("by outcome", ("error", "by chance"))
    for one in report.classes:
        yield _line(one.name, (f"{one.calibration.error:.4f}", f"{one.calibration.by_chance:.4f}"))


def _groups(report: Report) -> Iterator[str]:
    yield _line("rows by", ("rows", "share", "log loss", "±", "accuracy"))
    kind = ""
    for group in report.groups:
        if group.kind != kind:
            kind = group.kind
            yield kind
        margin = numbers.MISSING if group.margin is None else f"{group.margin:.4f}"
        share = numbers.share(group.rows, report.rows)
        cells = (
            numbers.count(group.rows),
            share,
            numbers.loss(group.log_loss),
            margin,
            percent(group.accuracy),
        )
        yield _line(f"  {group.name}", cells)
    yield f"  {MARGIN}"


def _position(bias: PositionBias) -> Iterator[str]:
    yield "position bias: A and B swapped; in brackets 95 % intervals"
    yield from _wrapped(f"  {flips(bias)}", "  ")
    yield from _wrapped(f"  {first_place(bias)}", "  ")
    yield f"  log loss swapped    {numbers.loss(bias.swapped.value)}  {in_words(bias.swapped)}"
    yield f"  log loss averaged   {numbers.loss(bias.averaged.value)}  {in_words(bias.averaged)}"
    yield from _wrapped(f"  averaging is {better(bias.gain)}", "  ")
    yield f"  accuracy averaged   {percent(bias.averaged_accuracy)}"


def _lengths(report: Report, bias: LengthBias) -> Iterator[str]:
    yield f"the longer answer, of {numbers.counted(bias.rows, 'row')} with a winner and answers of different length"
    yield from (f"  {line}" for line in preferences(bias))
    yield _line(f"  {a_wins(report)}", ("rows", "people", "model"))
    for bin in bias.bins:
        yield _line(f"  {bin.name}", (numbers.count(bin.rows), percent(bin.humans), percent(bin.model)))


def _strengths(report: Report, strengths: Strengths) -> Iterator[str]:
    yield _line("chatbots", ("rows", "people", "model", "diff.", "in SE"))
    shown = strengths.rated
    if len(shown) > 2 * MOST_RATED:
        shown = [*shown[:MOST_RATED], *shown[-MOST_RATED:]]
    for one in shown:
        cells = (numbers.count(one.rows), rating(one.people), rating(one.model), rating_difference(one.difference))
        yield _line(f"  {printable(one.name)}", (*cells, errors(one.z) + ("!" if is_unlikely(one.q) else " ")))
    yield from _wrapped(f"  {of_strengths(strengths, report.outcomes)}", "  ")


def _ratings(title: str, report: Report, ratings: Ratings) -> Iterator[str]:
    yield _line(title, ("rows", "scored", "predicted", "diff.", "in SE"))
    shown = ratings.rated
    if len(shown) > 2 * MOST_RATED:
        shown = [*shown[:MOST_RATED], *shown[-MOST_RATED:]]
    for one in shown:
        name = printable(one.name)
        cells = (
            numbers.count(one.rows),
            percent(one.score),
            percent(one.predicted),
            points(one.difference),
        )
        yield _line(f"  {name}", (*cells, errors(one.z) + ("!" if is_unlikely(one.q) else " ")))
    yield from _wrapped(f"  {of_ratings(ratings, report.outcomes)}", "  ")


def _against(found: Against) -> Iterator[str]:
    yield from _wrapped(
        f"against {printable(found.run)}, on {numbers.counted(found.rows, 'row')} that both evaluated", "  "
    )
    if found.only_here or found.only_there:
        yield f"  only here {numbers.count(found.only_here)}, only there {numbers.count(found.only_there)}"
    yield f"  log loss  {numbers.loss(found.log_loss)} here, {numbers.loss(found.other_log_loss)} there"
    yield f"  {better(found.difference)}"
    yield f"  accuracy  {percent(found.accuracy)} here, {percent(found.other_accuracy)} there"
    yield f"  right here only {numbers.count(found.gained)}, right there only {numbers.count(found.lost)}"


def _list(report: Report, title: str, listed: Sequence[ListedRow]) -> Iterator[str]:
    initials = "".join(f"{name:>5}" for name in outcomes_of(report.outcomes).initials)
    swapped = "  swapped       " if any(row.swapped for row in listed) else ""
    cells = max(len(str(row.id)) for row in listed)
    yield title
    yield f"  {'id':>{cells}}  winner  loss {initials}{swapped}".rstrip()
    for row in listed:
        swapped = f"  {shares(row.swapped)}" if row.swapped else ""
        beside = row.remark or ("" if row.models is None else " : ".join(map(printable, row.models)))
        figured = f"{winner(row.label):<6}{row.loss:>6.2f}  {shares(row.probabilities)}{swapped}"
        yield _fitted(f"  {row.id:>{cells}}  {figured}  {beside}")


def _line(name: str, cells: Row) -> str:
    """Seven cells at most, beside a name that is cut where it has no room."""
    room = min(NAME_CELLS, COLUMNS - CELL * len(cells))
    return (padded(name, room) + "".join(f"{cell:>{CELL}}" for cell in cells)).rstrip()


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, subsequent_indent=indent)


def _fitted(line: str) -> str:
    return _cell(line, COLUMNS).rstrip()


def _cell(text: str, cells: int) -> str:
    """`text` in exactly so many cells."""
    return set_cell_size(text, cells) if cell_len(text) <= cells else f"{set_cell_size(text, cells - 1)}…"
