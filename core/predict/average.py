"""From the logits of all passes to one probability of each outcome, and how good it is. Knows no model."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.example import LABELS, Example

Probabilities = NDArray[np.float64]

ONE_EMPTY, OTHER_WINS, EMPTY_TIE = 0.04, 0.88, 0.08
IDENTICAL = (0.06, 0.06, 0.88)


def probabilities(logits: NDArray[np.float32]) -> Probabilities:
    """Softmax of `logits`, shape (rows, 3), in float64."""
    wide = logits.astype(np.float64)
    exponents = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def average(members: Sequence[Probabilities], weights: Sequence[float]) -> Probabilities:
    """The weighted mean, each row divided by its sum: rows sum to 1 as closely as float64 can."""
    mean = np.average(np.stack(members), axis=0, weights=weights)
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def follow_rules(examples: Sequence[Example], answered: Probabilities) -> tuple[Probabilities, int]:
    """The answers with those of rows that need no model replaced, and how many these are.

    One empty answer loses; identical ones tie. The figures are those published by the competition's 4th place.
    """
    ruled, count = answered.copy(), 0
    for row, example in enumerate(examples):
        a, b = (" ".join(turns).strip() for turns in (example.response_a, example.response_b))
        if a == b:
            ruled[row] = IDENTICAL
        elif not a:
            ruled[row] = (ONE_EMPTY, OTHER_WINS, EMPTY_TIE)
        elif not b:
            ruled[row] = (OTHER_WINS, ONE_EMPTY, EMPTY_TIE)
        else:
            continue
        count += 1
    return ruled, count


class Figures(Struct, frozen=True):
    log_loss: float
    accuracy: float


def measure(examples: Sequence[Example], answered: Probabilities) -> Figures | None:
    """scikit-learn's log loss and accuracy; None where the rows have no labels."""
    labels = [example.label for example in examples]
    if min(labels) < 0:
        return None
    from sklearn.metrics import accuracy_score, log_loss

    return Figures(
        float(log_loss(labels, answered, labels=list(range(len(LABELS))))),
        float(accuracy_score(labels, answered.argmax(axis=1))),
    )
