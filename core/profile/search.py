"""Random search: ranges that a setting's values are drawn from, as overrides write them, and how many are drawn."""

import math
import random
import re

from msgspec import Struct

_WRITTEN = re.compile(r"(loguniform|uniform|integers)\(([^(),]+),([^(),]+)\)")
DIGITS = 3
"""Of a drawn number, those that count: more would tell no difference, and nobody could read them in a table."""


class Search(Struct, frozen=True):
    """How many runs are drawn, each value by itself, and by what: the same again from the same seed."""

    trials: int
    seed: int


class Range(Struct, frozen=True):
    """`loguniform(a, b)`, whose logarithms are even, `uniform(a, b)`, or `integers(a, b)`, both ends among them."""

    kind: str
    low: float
    high: float

    def draw(self, chance: random.Random) -> float | int:
        """Between the ends, and rounded to DIGITS."""
        if self.kind == "integers":
            return chance.randint(int(self.low), int(self.high))
        if self.kind == "uniform":
            drawn = chance.uniform(self.low, self.high)
        else:
            drawn = math.exp(chance.uniform(math.log(self.low), math.log(self.high)))
        return min(max(float(f"{drawn:.{DIGITS}g}"), self.low), self.high)


def range_of(written: str) -> Range | None:
    """None where `written` is no range. Raises ValueError with what is wrong with one."""
    found = _WRITTEN.fullmatch(written.strip())
    if not found:
        return None
    kind, *ends = found.groups()
    try:
        low, high = (int(end) if kind == "integers" else float(end) for end in ends)
    except ValueError:
        raise ValueError(f"{kind} takes two {'whole numbers' if kind == 'integers' else 'numbers'}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("the first number of a range is below the second")
    if kind == "loguniform" and low <= 0:
        raise ValueError("loguniform takes numbers above 0")
    return Range(kind, low, high)
