"""What the model likes that has nothing to do with content: the longer answer, and the answer that stands first."""

import numpy as np
from scipy.special import expit

from core.data.example import LABELS
from core.report.evaluation import Evaluation, row_losses
from core.report.report import LengthBias, LengthBin, PositionBias
from core.report.scores import interval
from core.report.texts import Texts

TIE = LABELS.index("tie")
EDGES = (0.5, 0.8, 1.25, 2.0)
"""How many times as long as B is A, between the bins."""
BINS = ("A under half of B", "A shorter", "about equal", "A longer", "A over twice B")


def length_bias(evaluation: Evaluation, texts: Texts) -> LengthBias | None:
    """None where no row of a human winner has answers of different lengths."""
    a, b = texts.characters[:, 1], texts.characters[:, 2]
    log_a, log_b = evaluation.log_probabilities[:, 0], evaluation.log_probabilities[:, 1]
    prefers_a = expit(log_a - log_b)  # the share of A among what is not given to a tie
    a_won = evaluation.label == 0
    decided = texts.is_known.astype(bool) & (evaluation.label != TIE)
    uneven = decided & (a != b)
    if not uneven.any():
        return None
    prefers_longer = np.where(a > b, prefers_a, 1 - prefers_a)[uneven]
    number = np.searchsorted(EDGES, (a + 1) / (b + 1))
    bins = []
    for place, name in enumerate(BINS):
        chosen = decided & (number == place)
        if chosen.any():
            rows, humans, model = int(chosen.sum()), float(a_won[chosen].mean()), float(prefers_a[chosen].mean())
            bins.append(LengthBin(name=name, rows=rows, humans=humans, model=model))
    return LengthBias(
        rows=int(uneven.sum()),
        humans=float((a_won == (a > b))[uneven].mean()),
        model=float(prefers_longer.mean()),
        picked=float((prefers_longer > 0.5).mean() + (prefers_longer == 0.5).mean() / 2),
        bins=bins,
    )


def position_bias(evaluation: Evaluation) -> PositionBias | None:
    """None where the exchanged copies were not scored."""
    swapped = evaluation.swapped
    if swapped is None:
        return None
    plain, other = evaluation.probabilities, np.exp(swapped)
    averaged = np.logaddexp(evaluation.log_probabilities, swapped) - np.log(2)
    averaged_losses = row_losses(averaged, evaluation.label)
    # A stands first in the plain copy, B in the exchanged one.
    first = ((plain[:, 0] - other[:, 0]) + (other[:, 1] - plain[:, 1])) / 2
    return PositionBias(
        flip_rate=float((plain.argmax(axis=1) != other.argmax(axis=1)).mean()),
        first=float(first.mean()),
        swapped=interval(row_losses(swapped, evaluation.label)),
        averaged=interval(averaged_losses),
        averaged_accuracy=float((averaged.argmax(axis=1) == evaluation.label).mean()),
        gain=interval(averaged_losses - evaluation.losses),
    )
