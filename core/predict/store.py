"""The logits that are there already, on disk batch by batch, so that a prediction that was stopped goes on."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.example import LABELS
from core.runs.access import have_folder, read_whole, write_whole

SUFFIX = ".batch"
_DIGEST_BYTES = 16
_ROWS = np.dtype([("row", "<i4"), ("logits", "<f4", (len(LABELS),))])


class LogitStore:
    """Logits of `count` rows in one folder, a file a batch, each behind its digest. What is not whole is made anew.

    `logits` has the shape (count, 3), NaN where there are none yet.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.logits: NDArray[np.float32] = np.full((count, len(LABELS)), np.nan, dtype=np.float32)
        have_folder(folder.parent)
        have_folder(folder)
        for path in folder.glob(f"*{SUFFIX}"):
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
        content = batch.tobytes()
        write_whole(self._folder / f"{rows[0]}{SUFFIX}", _digest(content) + content)
        self.logits[rows] = logits


def _read(path: Path, count: int) -> NDArray[np.void] | None:
    try:
        stored = read_whole(path)
    except OSError:
        return None
    digest, content = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    if digest != _digest(content):
        return None
    batch: NDArray[np.void] = np.frombuffer(content, dtype=_ROWS)
    return batch if (batch["row"] < count).all() else None


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
