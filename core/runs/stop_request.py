"""Turns signals into an orderly end of the run, or a sudden one."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from core.runs.events import Cancelled, Stopping
from core.runs.record import Record
from core.runs.stopping import HEARD, IGNORED, NOW, SAVE, SAVES


class Stopped(BaseException):
    """Raised where a run is told to stop and has no training step to finish."""


class StopRequest:
    """Hears the signals. `last_act` is done before the process ends at once."""

    def __init__(self, record: Record, last_act: Callable[[], None]) -> None:
        self.signal: signal.Signals | None = None
        self.step = 0
        self.checkpoint: str | None = None
        self.adapter: str | None = None
        self._record = record
        self._last_act = last_act
        self._is_deferred = False
        signal.signal(IGNORED, signal.SIG_IGN)
        for number in HEARD:
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

    def heed(self) -> None:
        """Raise Stopped if a signal was heard: Python drops what is raised while it runs a destructor."""
        if self.signal:
            raise Stopped

    def close(self) -> None:
        """From here on no signal is heard."""
        for number in HEARD:
            signal.signal(number, signal.SIG_IGN)

    def cancelled(self) -> Cancelled:
        """The run's last event after a stop."""
        return Cancelled(signal=(self.signal or SAVE).name, step=self.step, kept=self.checkpoint, adapter=self.adapter)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        before, heard = self.signal, signal.Signals(number)
        if before is not None and heard in SAVES:
            return
        self.signal = heard
        self._record.write(Stopping(signal=heard.name))
        if heard is NOW or before is not None:
            self._record.write(self.cancelled())
            self._last_act()
            os._exit(self.exit_code)
        if not self._is_deferred:
            raise Stopped
