"""Chatbots and pairs of them as a report rates them: plain figures. Imports nothing heavy."""

from msgspec import Struct


class Strength(Struct, frozen=True, kw_only=True):
    """A chatbot's Bradley-Terry ratings, in points: 400 are odds of ten to one, 1,000 is the mean of those with a `z`.
    That is the difference in its standard errors, None for one that won or lost every row, or has rows of one prompt
    alone; `q` as of a pair."""

    name: str
    rows: int
    people: float
    model: float
    """Fitted to the scores that the model expects."""
    z: float | None
    q: float | None

    @property
    def difference(self) -> float:
        return self.model - self.people


class Strengths(Struct, frozen=True):
    """The most overrated first. `few` have fewer than `fewest` rows: the ratings are fitted to theirs too."""

    rated: list[Strength]
    fewest: int
    few: int


class Rated(Struct, frozen=True, kw_only=True):
    """A pair of chatbots, the first's figures. A win counts 1, a tie a half; `z` is the difference in its
    standard errors, None where rows do not differ or are of one prompt. A positive difference means overrated."""

    name: str
    rows: int
    score: float
    predicted: float
    z: float | None
    q: float | None
    """Its p value as Benjamini and Hochberg (1995) adjust it, among all that have enough rows: of those up to 0.05, one
    in twenty at most is expected to be chance. None as `z` is."""

    @property
    def difference(self) -> float:
        return self.predicted - self.score


class Ratings(Struct, frozen=True):
    """The most overrated first. `enough` have at least `fewest` rows, `few` have not; of the former, `rated` may be
    only those that are furthest from what they won."""

    rated: list[Rated]
    fewest: int
    enough: int
    few: int
