"""The logits that are there already, kept on disk batch by batch; and how far a prediction is, told in events."""

import hashlib
import time
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from core.runs.access import have_folder, read_whole, write_whole
from core.runs.events import Phase, PredictionProgress
from core.runs.record import Record

SUFFIX = ".batch"
_DIGEST_BYTES = 16


class LogitStore:
    """Logits of `count` rows in one folder, a file a batch, each behind its digest. What is not whole is made anew.

    `logits` has the shape (count, outcomes), NaN where there are none yet.
    """

    def __init__(self, folder: Path, count: int, outcomes: int) -> None:
        self._folder = folder
        self._kind = np.dtype([("row", "<i4"), ("logits", "<f4", (outcomes,))])
        self.logits: NDArray[np.float32] = np.full((count, outcomes), np.nan, dtype=np.float32)
        have_folder(folder.parent)
        have_folder(folder)
        for path in folder.glob(f"*{SUFFIX}"):
            if (batch := _read(path, count, self._kind)) is not None:
                self.logits[batch["row"]] = batch["logits"]

    @property
    def missing(self) -> list[int]:
        """Rows without logits, ascending."""
        return [int(row) for row in np.flatnonzero(~np.isfinite(self.logits).all(axis=1))]

    def add(self, rows: list[int], logits: NDArray[np.float32]) -> None:
        """Keep the finite `logits`, shape (len(rows), outcomes), of rows that had none. Raises OSError."""
        batch = np.empty(len(rows), dtype=self._kind)
        batch["row"], batch["logits"] = rows, logits
        content = batch.tobytes()
        write_whole(self._folder / f"{rows[0]}{SUFFIX}", _digest(content) + content)
        self.logits[rows] = logits


def _read(path: Path, count: int, kind: "np.dtype[np.void]") -> NDArray[np.void] | None:
    try:
        stored = read_whole(path)
    except OSError:
        return None
    digest, content = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    if digest != _digest(content):
        return None
    batch: NDArray[np.void] = np.frombuffer(content, dtype=kind)
    return batch if (batch["row"] < count).all() else None


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


BEAT_SECONDS = 2.0


class Progress:
    """Rows count once for each pass. Rates are of this process, from its first worker on."""

    def __init__(self, record: Record, rows_total: int, rows: int, tokens: int) -> None:
        """`rows` and `tokens` are there already."""
        self.memory = (0, 0, 0)
        """The most that a worker has told: allocated, reserved, peak."""
        self._record = record
        self._total = rows_total
        self._rows = self._rows_before = rows
        self._tokens = self._tokens_before = tokens
        self._seconds = 0.0
        self._since: float | None = None
        self._told = 0.0
        self._lock = Lock()

    def begin(self) -> None:
        """From here on rows come."""
        if self._since is None:
            self._since = time.monotonic()

    def pause(self) -> None:
        """Until the next model is there no time counts."""
        if self._since is not None:
            self._seconds += time.monotonic() - self._since
            self._since = None

    def add(self, rows: int, tokens: int, memory: tuple[int, int, int]) -> None:
        with self._lock:
            self._rows += rows
            self._tokens += tokens
            allocated, reserved, peak = (max(pair) for pair in zip(self.memory, memory, strict=True))
            self.memory = (allocated, reserved, peak)

    def tell(self, *, at_once: bool = False) -> None:
        """Write how far it is, at most every BEAT_SECONDS."""
        if self._since is None or not (at_once or time.monotonic() - self._told > BEAT_SECONDS):
            return
        self._told = time.monotonic()
        seconds = max(1e-9, self._seconds + self._told - self._since)
        with self._lock:
            rows, tokens, memory = self._rows, self._tokens, self.memory
        self._record.write(Phase(phase="scoring", done=rows, total=self._total, unit="rows"))
        if rows == self._rows_before:
            return
        self._record.write(
            PredictionProgress(
                rows=rows,
                tokens=tokens,
                rows_per_second=(rows - self._rows_before) / seconds,
                tokens_per_second=(tokens - self._tokens_before) / seconds,
                memory_allocated=memory[0],
                memory_reserved=memory[1],
                memory_peak=memory[2],
            )
        )
