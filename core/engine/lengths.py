"""What lengths alone say of who wins: the least that a model is compared with. Knows no file and no run."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.data.example import Example

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
FEWEST_TO_FIT = 10
"""Training rows below which lengths alone are not fitted."""


def characters_of(example: Example) -> tuple[int, int, int]:
    """Those of prompt, A and B."""
    prompt, a, b = (sum(map(len, turns)) for turns in (example.prompt, example.response_a, example.response_b))
    return prompt, a, b


def fit_lengths(characters: Counts, label: Counts, outcomes: int) -> Callable[[Counts], Floats] | None:
    """From characters of training rows, (n, 3) as `characters_of` counts them, and their labels, (n,): a function of
    those of others, (m, 3), that gives the logarithms of their probabilities, (m, outcomes).

    None where the rows are too few, or lack an outcome.
    """
    if len(label) < FEWEST_TO_FIT or len(np.unique(label)) < outcomes:
        return None
    from scipy.special import log_softmax
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(_features(characters), label)

    def log_probabilities(others: Counts) -> Floats:
        decided = model.decision_function(_features(others))
        if decided.ndim == 1:  # of two outcomes, that of the second
            decided = np.column_stack([np.zeros_like(decided), decided])
        return np.asarray(log_softmax(decided, axis=1))

    return log_probabilities


def _features(characters: Counts) -> Floats:
    """(n, 4) from (n, 3)."""
    logs = np.log1p(characters)
    return np.column_stack([logs, np.abs(logs[:, 1] - logs[:, 2])])
