"""What a report says in words, the same on the screen, on the page and in plain text."""

from collections.abc import Callable, Sequence

from arena_tui.format import numbers
from arena_tui.format.numbers import percent
from core.outcomes import A_B_TIE, OutcomesName, outcomes_of
from core.report.rated import Ratings, Strengths
from core.report.report import Interval, LengthBias, ListedRow, PositionBias, Report

FALSE_DISCOVERIES = 0.05
"""Of the chatbots and of the pairs that count as over- or underrated, the share that may be so by chance."""
FEW = 30
"""Rows below which a group's figures say little: they are muted."""
MARGIN = "± is 1.96 standard errors"


def titled(report: Report) -> dict[str, list[ListedRow]]:
    """The lists by name, with how many rows there are of those that may go on."""
    told = {
        "likely mislabelled": f"{numbers.count(report.mislabelled)}, "
        f"by chance {numbers.count(round(report.mislabelled_by_chance))}"
    }
    if report.against:
        told |= {
            "right here only": numbers.count(report.against.gained),
            "right there only": numbers.count(report.against.lost),
        }
    return {f"{name}, {told[name]}" if name in told else name: rows for name, rows in report.lists.by_name().items()}


def in_words(interval: Interval) -> str:
    """The interval of a log loss."""
    if interval.low is None or interval.high is None:
        return "no interval: one prompt"
    return f"95 % interval {interval.low:.4f} to {interval.high:.4f}"


def by_prompt(report: Report) -> str:
    """What is drawn for the intervals where rows share prompts."""
    return f", by {numbers.count(report.prompts)} prompts" if report.prompts and report.prompts > 1 else ""


def better(difference: Interval) -> str:
    """A difference of log losses in words, with its interval: 0.0042 better, 95 % interval 0.0010 to 0.0070."""
    value, low, high = difference.value, difference.low, difference.high
    if low == value == high == 0:
        return "equal in every row"
    word = "better" if value < 0 else "worse"
    if low is None or high is None:
        return f"{abs(value):.4f} {word}, no interval: one prompt"
    ends = (-high, -low) if value < 0 else (low, high)
    between = " to ".join(f"{end:.4f}".replace("-", "−") for end in ends)
    doubt = ", which may be chance" if low <= 0 <= high else ""
    return f"{abs(value):.4f} {word}, 95 % interval {between}{doubt}"


def points(difference: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{100 * difference:+z.1f}".replace("-", "−")


def errors(z: float | None) -> str:
    """A difference in its standard errors."""
    return numbers.MISSING if z is None else f"{z:+z.1f}".replace("-", "−")


def is_unlikely(q: float | None) -> bool:
    """Whether a difference is among those that are hardly chance, however many were looked at."""
    return q is not None and q <= FALSE_DISCOVERIES


def flips(bias: PositionBias) -> str:
    """How many rows are predicted otherwise once A and B are swapped."""
    share, between = percent(bias.flip_rate.value), _between(bias.flip_rate, percent)
    return f"{share} of the rows{between} change their most probable outcome when A and B are swapped"


def first_place(bias: PositionBias) -> str:
    """What it is worth to stand first."""
    between = _between(bias.first, points)
    return f"being first adds {points(bias.first.value)} points{between} to an answer's probability of winning"


def _between(interval: Interval, written: Callable[[float], str]) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f" ({written(interval.low)} to {written(interval.high)})"


def of_ratings(ratings: Ratings, outcomes: OutcomesName) -> str:
    """How they are to be read, and which are not there."""
    tie = ", a tie a half" if outcomes_of(outcomes).has_ties else ""
    words = (
        f"a win counts 1{tie}; a positive difference is overrated; SE is its standard error; of those with !, one in "
        "twenty at most is expected to be chance"
    )
    if ratings.few:
        words += f"; {numbers.count(ratings.few)} with fewer than {ratings.fewest} rows left out"
    if len(ratings.rated) < ratings.enough:
        words += f"; of {numbers.count(ratings.enough)}, the {len(ratings.rated)} furthest apart are listed"
    return words


def of_strengths(strengths: Strengths, outcomes: OutcomesName) -> str:
    """How they are to be read, and which are not there."""
    tie = ", a tie as half a win" if outcomes_of(outcomes).has_ties else ""
    words = (
        f"Bradley-Terry ratings as the Arena fits them{tie}, to people's verdicts and to the model's: 400 points are "
        "odds of 10 to 1, 1,000 is the mean of those with a standard error; a positive difference is overrated; SE is "
        "its standard error; of those with !, one in twenty at most is expected to be chance"
    )
    if strengths.few:
        words += f"; {numbers.count(strengths.few)} with fewer than {strengths.fewest} rows not listed"
    return words


def rating(points: float) -> str:
    return f"{points:,.0f}"


def rating_difference(points: float) -> str:
    return f"{points:+z,.0f}".replace("-", "−")


def preferences(bias: LengthBias) -> list[str]:
    """Who prefers the longer answer how often, in two lines."""
    return [
        f"people prefer the longer one in {percent(bias.humans)}",
        f"the model gives it {percent(bias.model)} on average, and more than the shorter one in {percent(bias.picked)}",
    ]


def beside_accuracy(report: Report) -> str:
    """The accuracy of always giving the outcome that occurs most."""
    rows = [one.rows for one in report.classes]
    return f"always {winner(rows.index(max(rows)))} {numbers.share(max(rows), report.rows)}"


def shares(probabilities: Sequence[float]) -> str:
    """The probabilities of the outcomes, in percent."""
    return " ".join(f"{100 * p:>4.0f}" for p in probabilities)


def winner(label: int) -> str:
    return A_B_TIE.initials[label]


def a_wins(report: Report) -> str:
    """The share that is told of rows with a winner."""
    return "A wins, no ties" if outcomes_of(report.outcomes).has_ties else "A wins"
