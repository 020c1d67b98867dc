"""How a row counts in training: what it weighs, and the probabilities of its outcomes. Knows no row and no file."""

import math
from collections.abc import Sequence
from statistics import fmean

from msgspec import Struct

from core.outcomes import A_B_TIE, Outcomes

Probabilities = tuple[float, float, float]
"""That A wins, that B wins and of a tie, which is 0 where there are two outcomes. They sum to 1."""


class Weights(Struct, frozen=True):
    """Of some rows, as they are written."""

    lowest: float
    highest: float
    mean: float

    def __str__(self) -> str:
        return f"weights {self.lowest:.3g} to {self.highest:.3g}, {self.mean:.3g} on average"


class SoftLabels(Struct, frozen=True):
    """Of some rows that have them: means over these rows."""

    rows: int
    probabilities: Probabilities
    entropy: float
    """In nats; 0 where all are certain, and at most that of a uniform guess, ln 3 or ln 2."""

    def told(self, outcomes: Outcomes) -> str:
        if not self.rows:
            return "no row has a soft label"
        means = ", ".join(f"{name} {p:.2f}" for name, p in zip(outcomes.initials, self.probabilities, strict=False))
        rows = f"{self.rows:,} rows" if self.rows > 1 else "1 row"
        return f"soft labels of {rows}: {means} on average, entropy {self.entropy:.2f} nats"


def weights_of(weights: Sequence[float]) -> Weights:
    """`weights` are at least one."""
    highest = max(weights)
    return Weights(min(weights), highest, highest * fmean(weight / (highest or 1) for weight in weights))


def soft_labels_of(rows: Sequence[Probabilities]) -> SoftLabels:
    if not rows:
        return SoftLabels(0, (0.0, 0.0, 0.0), 0.0)
    a, b, tie = map(fmean, zip(*rows, strict=True))
    return SoftLabels(len(rows), (a, b, tie), fmean(map(entropy, rows)))


def entropy(probabilities: Probabilities) -> float:
    """In nats."""
    return -sum(p * math.log(p) for p in probabilities if p)


def scaled(weights: Sequence[float]) -> list[float]:
    """`weights`, of which one is above 0, so that their mean is 1. All are exactly 1 where they are the same."""
    highest = max(weights)
    shares = [weight / highest for weight in weights]  # the sum of large ones may be beyond a float
    mean = fmean(shares)
    return [share / mean for share in shares]


def swapped_probabilities(probabilities: Probabilities) -> Probabilities:
    """The same once A and B have changed places."""
    a, b, tie = (probabilities[label] for label in A_B_TIE.swap)
    return a, b, tie


def halved_tie(probabilities: Probabilities) -> Probabilities:
    """One half of a tie's for A and the other for B."""
    a, b, tie = probabilities
    return a + tie / 2, b + tie / 2, 0.0


def without_tie(probabilities: Probabilities) -> Probabilities:
    """Those of A and of B if it is no tie; one of them is above 0."""
    a, b, _ = probabilities
    return a / (a + b), b / (a + b), 0.0
