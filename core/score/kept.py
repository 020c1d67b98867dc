"""The logits that are there already, on disk batch by batch, so that a prediction that was stopped goes on."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.example import LABELS
from core.files import write_whole

_ROWS = np.dtype([("row", "<i4"), ("logits", "<f4", (len(LABELS),))])


class Kept:
    """Logits of `count` rows in one folder, a file a batch, each whole. What cannot be read is scored again.

    `logits` has the shape (count, 3), NaN where there are none yet.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.logits: NDArray[np.float32] = np.full((count, len(LABELS)), np.nan, dtype=np.float32)
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.npy"):
            if (batch := _read(path, count)) is not None:
                self.logits[batch["row"]] = batch["logits"]

    @property
    def missing(self) -> list[int]:
        """Rows without logits, ascending."""
        return [int(row) for row in np.flatnonzero(~np.isfinite(self.logits).all(axis=1))]

    def add(self, rows: list[int], logits: NDArray[np.float32]) -> None:
        """Keep the finite `logits`, shape (len(rows), 3), of rows that had none. Raises OSError."""
        batch = np.empty(len(rows), dtype=_ROWS)
        batch["row"], batch["logits"] = rows, logits
        content = io.BytesIO()
        np.save(content, batch)
        write_whole(self._folder / f"{rows[0]}.npy", content.getvalue())
        self.logits[rows] = logits


def _read(path: Path, count: int) -> NDArray[np.void] | None:
    try:
        batch: NDArray[np.void] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_ours = batch.dtype == _ROWS and batch.ndim == 1 and ((batch["row"] >= 0) & (batch["row"] < count)).all()
    return batch if is_ours else None
