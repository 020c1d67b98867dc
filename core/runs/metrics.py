"""metrics.json: what a run came to. It is written last: a run that has it completed."""

import math
from pathlib import Path

import msgspec
from msgspec import Struct

from core.profile.settings import EngineName, Precision
from core.runs.access import Damaged, read_json, write_whole
from core.runs.events import Amount, Count, Figure, Share

UNIFORM_LOG_LOSS = math.log(3)
"""Log loss of giving each of the three outcomes a third."""
RECIPE_LOG_LOSS = 0.9371
"""Evaluation log loss of the published notebook this project starts from."""


class Metrics(Struct, frozen=True, kw_only=True):
    """Memory in bytes. All seconds are those of the last process where a run was resumed; `tokens` are of the whole
    run. `seconds` counts from the child's start; `longest` is a row in tokens as it was shown. Without evaluation rows
    accuracy and both log losses are None; a log loss alone is where it was not a finite number."""

    run: str
    log_loss: Figure | None
    accuracy: Share | None
    prior_log_loss: Figure | None
    rows_train: Count
    rows_eval: Count
    rows_cut: Count
    steps: Count
    tokens: Count
    seconds: Amount
    training_seconds: Amount
    tokens_per_second: Amount
    memory_peak: Count
    precision: Precision
    device: str
    longest: int = 0
    engine: EngineName = "padded"


def save_metrics(path: Path, metrics: Metrics) -> None:
    """Raises OSError."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(metrics)) + b"\n")


def read_metrics(path: Path) -> Metrics | None:
    """What a run came to, None while it has no metrics that can be read."""
    try:
        return read_json(path, Metrics)
    except (OSError, Damaged):
        return None
