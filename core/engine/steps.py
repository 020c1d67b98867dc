"""How many optimizer steps and evaluations a run takes. Imports nothing heavy."""

import math

from core.profile import settings
from core.profile.settings import Profile


def optimizer_steps(rows: int, train: settings.Train) -> int:
    """Steps over `rows` training rows, as the Trainer counts them: the last one of an epoch may be smaller."""
    batches = math.ceil(rows / train.per_device_batch_size)
    return math.ceil(train.epochs * max(1, math.ceil(batches / train.gradient_accumulation)))


def evaluations(steps: int, profile: Profile) -> int:
    """Evaluations during and after `steps` steps; there is always one at the end."""
    if profile.eval.every == "epoch":
        return math.ceil(profile.train.epochs)
    return math.ceil(steps / profile.eval.every)
