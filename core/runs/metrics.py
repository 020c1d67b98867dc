"""metrics.json: what a run came to. It is written last: a run that has it completed."""

from pathlib import Path

import msgspec
from msgspec import Struct

from core.outcomes import A_B_TIE
from core.profile.train_settings import EngineName, Precision
from core.runs.access import Damaged, read_json, write_whole
from core.runs.events import Started
from core.runs.figures import Amount, Count, Figure, Share

RECIPE_LOG_LOSS = 0.9371
"""Evaluation log loss of the published notebook this project starts from, on the competition's rows."""
COMPETITION_ROWS = 57_477


def recipe_log_loss(started: Started | None) -> float | None:
    """RECIPE_LOG_LOSS where it may stand beside that of a run which was about to do this: one on the competition's
    data, which are so many rows, in its format, with three outcomes. Elsewhere the two do not compare."""
    if started is None or started.outcomes != A_B_TIE.name or started.format not in ("lmsys", ""):
        return None
    return RECIPE_LOG_LOSS if started.rows_train + started.rows_eval == COMPETITION_ROWS else None


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
