"""How many optimizer steps a run takes. Imports nothing heavy."""

import math

from core.profile import settings


def optimizer_steps(rows: int, train: settings.Train) -> int:
    """Steps over `rows` training rows, as the Trainer counts them: the last one of an epoch may be smaller."""
    batches = math.ceil(rows / train.per_device_batch_size)
    return math.ceil(train.epochs * max(1, math.ceil(batches / train.gradient_accumulation)))
