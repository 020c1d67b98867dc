"""The tables of chatbots and of pairs of them on the page."""

from collections.abc import Iterator

from arena_tui.format import numbers
from arena_tui.format.numbers import percent
from arena_tui.report.html.parts import table, text
from arena_tui.report.wording import (
    errors,
    is_unlikely,
    of_ratings,
    of_strengths,
    points,
    rating,
    rating_difference,
)
from core.report.rated import Ratings, Strengths
from core.report.report import Report


def strengths_table(report: Report, strengths: Strengths) -> Iterator[str]:
    yield "<h2>Chatbots</h2>"
    yield f"<p>{of_strengths(strengths, report.outcomes)}.</p>"
    yield table(
        ("name", "rows", "people", "model", "apart", "standard errors", ""),
        [
            (
                text(one.name),
                numbers.count(one.rows),
                rating(one.people),
                rating(one.model),
                rating_difference(one.difference),
                errors(one.z),
                '<b class="caution">!</b>' if is_unlikely(one.q) else "",
            )
            for one in strengths.rated
        ],
    )


def pairs_table(report: Report, ratings: Ratings) -> Iterator[str]:
    yield "<h2>Pairs of chatbots</h2>"
    words = of_ratings(ratings, report.outcomes)
    yield f"<p>{words[0].upper()}{words[1:]}.</p>"
    yield table(
        ("name", "rows", "scored", "predicted", "apart", "standard errors", ""),
        [
            (
                text(one.name),
                numbers.count(one.rows),
                percent(one.score),
                percent(one.predicted),
                points(one.difference),
                errors(one.z),
                '<b class="caution">!</b>' if is_unlikely(one.q) else "",
            )
            for one in ratings.rated
        ],
    )
