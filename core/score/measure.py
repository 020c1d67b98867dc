"""Log loss and accuracy of probabilities on labelled rows."""

from collections.abc import Sequence

from msgspec import Struct

from core.data.example import LABELS, Example
from core.score.average import Probabilities


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
