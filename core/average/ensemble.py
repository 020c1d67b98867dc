"""What the members of an average reach: each by itself, and the mean of their probabilities."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from core.data.example import DataError
from core.engine import scores
from core.report.evaluation import read_evaluation
from core.runs.folder import RunFolder


class Alone(Struct, frozen=True):
    """Log losses of their evaluation rows."""

    log_losses: list[float]
    ensemble: float


def members_alone(members: Sequence[RunFolder]) -> Alone:
    """From the evaluations that they have stored, which are of the same rows. Raises DataError."""
    found = [read_evaluation(member) for member in members]
    labels = found[0].label
    for member, one in zip(members, found, strict=True):
        if one.not_finite:
            raise DataError(f"{member.evaluation}: the logits of {len(one.not_finite):,} rows are not finite numbers")
        if one.id != found[0].id or not np.array_equal(one.label, labels):
            raise DataError(f"{member.evaluation}: holds other rows than that of {members[0].id}: it was changed since")
    mean = np.mean([one.probabilities for one in found], axis=0)
    return Alone([float(one.losses.mean()) for one in found], scores.log_loss(mean, labels))
