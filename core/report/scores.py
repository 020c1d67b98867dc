"""How good the predictions are: log loss with its interval, accuracy by outcome, confusion, calibration."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from core.data.example import LABELS
from core.report.evaluation import Counts, Evaluation, Floats
from core.report.report import Bin, Calibration, ClassFigures, Interval

RESAMPLES = 2000
SEED = 0
BINS = 15
"""The usual number; with three outcomes, the most probable one has a third at least, so the lower ones are empty."""


def interval(values: Floats) -> Interval:
    """The mean of `values`, (n,), with its 95 % percentile bootstrap interval of RESAMPLES seeded resamples."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, None, None)
    # Batches bound the memory: 50 resamples of 57,477 rows are 23 MB.
    found = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, batch=50, method="percentile", rng=np.random.default_rng(SEED)
    )
    return Interval(mean, *map(float, found.confidence_interval))


def classes(evaluation: Evaluation) -> list[ClassFigures]:
    """Each outcome, in the order of LABELS."""
    label, losses = evaluation.label, evaluation.losses
    predicted = evaluation.log_probabilities.argmax(axis=1)
    mean = evaluation.probabilities.mean(axis=0)
    return [
        ClassFigures(
            name=name,
            rows=int((label == number).sum()),
            predicted=int((predicted == number).sum()),
            mean_probability=float(mean[number]),
            log_loss=_mean(losses[label == number]),
            recall=_mean(predicted[label == number] == number),
            precision=_mean(label[predicted == number] == number),
        )
        for number, name in enumerate(LABELS)
    ]


def confusion(evaluation: Evaluation) -> list[list[int]]:
    """Rows by outcome and most probable outcome, (3, 3): scikit-learn's `confusion_matrix`."""
    size = len(LABELS)
    places = evaluation.label * size + evaluation.log_probabilities.argmax(axis=1)
    counted: list[list[int]] = np.bincount(places, minlength=size * size).reshape(size, size).tolist()
    return counted


def calibration(evaluation: Evaluation) -> Calibration:
    """Of the most probable outcome, in BINS bins of equal width.

    If the probabilities are true, accuracy less confidence of n rows with confidences c is nearly normal with variance
    sum(c (1 - c)) / n^2, and the mean of its absolute value is sqrt(2 / pi) standard deviations (half-normal).
    """
    confidence = evaluation.probabilities.max(axis=1)
    is_right = evaluation.is_right
    number = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    filled = [
        Bin(
            low=bin / BINS,
            high=(bin + 1) / BINS,
            rows=int((number == bin).sum()),
            confidence=float(confidence[number == bin].mean()),
            accuracy=float(is_right[number == bin].mean()),
        )
        for bin in np.unique(number).tolist()
    ]
    error = sum(bin.rows * abs(bin.accuracy - bin.confidence) for bin in filled) / len(evaluation)
    variances = np.bincount(number, weights=confidence * (1 - confidence))
    by_chance = float(np.sqrt(2 / np.pi) * np.sqrt(variances).sum() / len(evaluation))
    return Calibration(error, by_chance, BINS, filled)


def constant_log_loss(shares: Floats, label: Counts) -> float:
    """Log loss of always giving each outcome its share; infinite where one that occurs has none."""
    with np.errstate(divide="ignore"):
        return float(-np.log(shares)[label].mean())


def _mean(values: NDArray[np.generic]) -> float | None:
    return float(values.mean()) if len(values) else None
