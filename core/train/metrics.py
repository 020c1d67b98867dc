"""Log loss and accuracy of an evaluation, and the baselines they stand beside."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score
from sklearn.metrics import log_loss as sklearn_log_loss
from transformers import EvalPrediction

from core.data.example import LABELS

CLASSES = list(range(len(LABELS)))


def log_loss(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """scikit-learn's log loss of softmax(`logits`), shape (rows, 3); NaN if any logit is not finite."""
    if not np.isfinite(logits).all():
        return float("nan")
    return float(sklearn_log_loss(labels, softmax(logits.astype(np.float64), axis=1), labels=CLASSES))


def prior_log_loss(train_labels: Sequence[int], evaluation_labels: Sequence[int]) -> float:
    """Log loss on the evaluation rows of always answering the class shares of the training rows."""
    shares = np.bincount(train_labels, minlength=len(CLASSES)) / len(train_labels)
    answers = np.tile(shares, (len(evaluation_labels), 1))
    return float(sklearn_log_loss(evaluation_labels, answers, labels=CLASSES))


class Scorer:
    """The Trainer's `compute_metrics`; keeps the logits of the last evaluation, so that none is run twice."""

    def __init__(self) -> None:
        self.logits = np.empty((0, len(CLASSES)), dtype=np.float32)

    def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
        self.logits = np.asarray(prediction.predictions, dtype=np.float32)
        labels = np.asarray(prediction.label_ids)
        return {
            "log_loss": log_loss(self.logits, labels),
            "accuracy": float(accuracy_score(labels, self.logits.argmax(axis=1))),
        }
