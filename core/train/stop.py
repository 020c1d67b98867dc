"""Turns SIGTERM and SIGINT into an orderly end of the run."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from core.runs.events import Cancelled, Record, Stopping

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """Raised where a run is told to stop and has no training step to finish."""


class StopRequest:
    """Hears the signals. The first lets a training step finish; a second ends the process at once."""

    def __init__(self, record: Record) -> None:
        self.signal: signal.Signals | None = None
        self.step = 0
        self.checkpoint: str | None = None
        self._record = record
        self._is_deferred = False
        for number in SIGNALS:
            signal.signal(number, self._hear)

    @property
    def exit_code(self) -> int:
        """The shell's code for an end by the signal heard."""
        return 128 + (self.signal or 0)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within it the first signal is only noted in `signal`, for the code inside to heed where it can."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False

    def close(self) -> None:
        """From here on no signal is heard."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def cancelled(self) -> Cancelled:
        """The run's last event after a stop."""
        return Cancelled(signal=(self.signal or signal.SIGTERM).name, step=self.step, kept=self.checkpoint)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            self._record.write(self.cancelled())
            os._exit(self.exit_code)
        self.signal = signal.Signals(number)
        self._record.write(Stopping(signal=self.signal.name))
        if not self._is_deferred:
            raise Stopped
