"""summary.json: what a prediction came to. Its existence means that the prediction is complete."""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from core.files import write_whole
from core.runs.damaged import Damaged, read_json
from core.runs.events import Count, Figure, Share

if TYPE_CHECKING:
    from core.score.folder import PredictionFolder


class MemberSummary(Struct, frozen=True, kw_only=True):
    """One run of the average; the figures are those of its own probabilities, None without labels."""

    run: str
    adapter: str
    weight: float
    log_loss: float | None
    accuracy: float | None


class Summary(Struct, frozen=True, kw_only=True):
    """summary.json. Figures are None where the rows have no labels. Seconds are this process's, memory in bytes."""

    prediction: str
    submission: str
    rows: Count
    rows_cut: Count
    members: list[MemberSummary]
    swap: bool
    merge: bool
    log_loss: Figure | None
    accuracy: Share | None
    rows_ruled: int
    """Rows with an empty answer or identical ones."""
    log_loss_with_rules: float | None
    log_loss_without_rules: float | None
    """If these get fixed answers, and if not; `log_loss` is that of what was written."""
    rules: bool
    seconds: float
    memory_peak: int
    precision: str
    device: str


def save_summary(folder: "PredictionFolder", summary: Summary) -> None:
    write_whole(folder.summary, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")


def read_summary(folder: "PredictionFolder") -> Summary | None:
    """None while there is none that can be read."""
    try:
        return read_json(folder.summary, Summary)
    except (OSError, Damaged):
        return None
