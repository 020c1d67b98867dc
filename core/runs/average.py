"""What a run is the average of, as its record tells it, and what these reach by themselves."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from core.runs.figures import Count, Figure, Share

AverageKind = Literal["exact", "svd", "plain"]
"""How adapters are averaged: their products exactly or by singular values to a lower rank, or their factors."""


ORDER = "average.json"
"""In the folder of such a run: what is averaged, and how."""


class Average(Struct, frozen=True, kw_only=True):
    """`runs` are ids. Losses are those of the evaluation rows; there are none where the runs do not share these."""

    runs: list[str]
    how: AverageKind
    rank: Count
    kept: Share
    """What the rank leaves of the squared norm of the exact average."""
    log_losses: list[Figure] = []
    """Of each of the runs, in their order."""
    ensemble_log_loss: Figure | None = None
    """Of the mean of their probabilities."""


def is_average(folder: Path) -> bool:
    """Whether the run in this folder is made of others, and so is not trained."""
    return (folder / ORDER).exists()
