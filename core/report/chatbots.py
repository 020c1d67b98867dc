"""Which chatbots the model over- and underrates: what it expects them to win, against what they won."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from core.report.evaluation import Evaluation, Floats
from core.report.report import Rated, Ratings

FEWEST = 20
"""Rows below which a chatbot or a pair is left out: it would be noise."""
MOST_PAIRS = 20

Names = tuple[str, str]


def ratings(evaluation: Evaluation, models: Sequence[Names | None]) -> tuple[Ratings, Ratings] | None:
    """Of each chatbot, and of the pairs furthest from what they won; None where no row names its chatbots."""
    rows = [number for number, names in enumerate(models) if names is not None]
    if not rows:
        return None
    named = [names for names in models if names is not None]
    probabilities = evaluation.probabilities[rows]
    won = np.array([1.0, 0.0, 0.5])[evaluation.label[rows]]
    predicted = probabilities[:, 0] + probabilities[:, 2] / 2
    both = np.column_stack([won, predicted])

    by_model: dict[str, list[Floats]] = {}
    by_pair: dict[str, list[Floats]] = {}
    for (a, b), row in zip(named, both, strict=True):
        by_model.setdefault(a, []).append(row)
        by_model.setdefault(b, []).append(1 - row)
        first, second = sorted((a, b))
        by_pair.setdefault(f"{first} : {second}", []).append(row if first == a else 1 - row)
    pairs = _rate(by_pair)
    furthest = sorted(pairs.rated, key=lambda pair: -abs(pair.z or 0))[:MOST_PAIRS]
    furthest.sort(key=lambda pair: -pair.difference)
    return _rate(by_model), replace(pairs, rated=furthest)


def _rate(by_name: dict[str, list[Floats]]) -> Ratings:
    rated = []
    for name, rows in by_name.items():
        if len(rows) < FEWEST:
            continue
        won, predicted = np.array(rows).T
        apart = predicted - won
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        rated.append(
            Rated(
                name=name,
                rows=len(rows),
                score=float(won.mean()),
                predicted=float(predicted.mean()),
                z=None if np.isclose(error, 0) else float(apart.mean() / error),
            )
        )
    rated.sort(key=lambda model: -model.difference)
    return Ratings(rated, FEWEST, enough=len(rated), few=len(by_name) - len(rated))
