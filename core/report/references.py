"""What a log loss is to be compared with: chance, class shares, lengths alone, the public recipe."""

import numpy as np
from scipy.special import log_softmax

from core.data.example import LABELS
from core.report.evaluation import Counts, Evaluation, Floats, row_losses
from core.report.report import Reference
from core.report.scores import constant_log_loss
from core.report.texts import Texts
from core.runs.metrics import RECIPE_LOG_LOSS, UNIFORM_LOG_LOSS

FEWEST_TO_FIT = 10
"""Training rows below which lengths alone are not fitted."""


def references(evaluation: Evaluation, texts: Texts | None, prior: float | None) -> list[Reference]:
    """`prior` is the log loss of the class shares as the run told it, None where it did not."""
    known = [Reference("ln 3", UNIFORM_LOG_LOSS, "a third for each outcome")]
    if prior is not None:
        known.append(Reference("prior", prior, "the class shares of the training rows"))
    else:
        known.append(_prior(evaluation, texts))
    if texts is not None and (lengths := length_log_loss(evaluation, texts)) is not None:
        what = (
            "multinomial logistic regression on log(1 + characters) of prompt, A and B and on the absolute difference "
            "of those of A and B, standardised, fitted on the training rows"
        )
        known.append(Reference("lengths", lengths, what))
    known.append(Reference("recipe", RECIPE_LOG_LOSS, "the published run, on its own evaluation rows"))
    return known


def _prior(evaluation: Evaluation, texts: Texts | None) -> Reference:
    """From the training rows where they are known, else from the evaluation rows: a little too good."""
    is_known = texts is not None and len(np.unique(texts.train_label)) == len(LABELS)
    label = texts.train_label if texts is not None and is_known else evaluation.label
    shares = np.bincount(label, minlength=len(LABELS)) / len(label)
    of = "the training rows" if is_known else "the evaluation rows themselves"
    return Reference("prior", constant_log_loss(shares, evaluation.label), f"the class shares of {of}")


def length_log_loss(evaluation: Evaluation, texts: Texts) -> float | None:
    """Log loss, on the evaluation rows, of what lengths alone tell; None where the training rows are too few, lack an
    outcome, or an evaluation row is not known."""
    label = texts.train_label
    if len(label) < FEWEST_TO_FIT or len(np.unique(label)) < len(LABELS) or not texts.is_known.all():
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features(texts.train_characters), label)
    scores = log_softmax(model.decision_function(features(texts.characters)), axis=1)
    return float(row_losses(scores, evaluation.label).mean())


def features(characters: Counts) -> Floats:
    """(n, 4) from (n, 3)."""
    logs = np.log1p(characters)
    return np.column_stack([logs, np.abs(logs[:, 1] - logs[:, 2])])
