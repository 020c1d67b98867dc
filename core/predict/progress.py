"""How far a prediction is, counted by several threads and told in events."""

import time
from threading import Lock

from core.runs.events import Phase, PredictionProgress
from core.runs.record import Record

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
