"""What ends a run from outside: signals, in good order or at once, and a folder that was renamed or deleted."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from core.machine.slurm import JOB, job_variables
from core.runs.access import opened
from core.runs.events import Cancelled, Stopping
from core.runs.folder import RunFolder
from core.runs.record import Record
from core.runs.stopping import HEARD, IGNORED, NOW, SAVE, SAVE_THEN_NOW, SAVES


class HomeMoved(Exception):
    """The folder has another name now, and `RunFolder.path` is that."""


class HomeLost(Exception):
    """The folder was deleted, or lies where it cannot be told. What is not in it yet has no place any more."""


class Home:
    """Holds a handle on the folder, which stays the folder's own whatever becomes of its name."""

    def __init__(self, folder: RunFolder, *, is_watched: bool = True) -> None:
        """Where it is not watched, nothing of this is raised: of several ranks, one tells."""
        self._folder, self._is_watched = folder, is_watched
        with opened(folder.path) as handle:
            self._handle = os.dup(handle)

    def demand(self) -> None:
        """Raises HomeMoved once the folder lies elsewhere, and HomeLost."""
        before = self._folder.path
        if not self._is_watched or self._is(before):
            return
        found = self._place()
        if found is None:
            raise HomeLost(f"{before} was deleted or moved away while the run was at work in it")
        self._folder.path = found
        raise HomeMoved(f"{before} was moved to {found} while the run was at work in it")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within it an error of the system is told as what `demand` raises, if that is its reason."""
        try:
            yield
        except OSError:
            self.demand()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def _place(self) -> Path | None:
        """Where the folder lies now, as the kernel tells (proc(5), fd); None where it tells no place that is it."""
        try:
            place = Path(f"/proc/self/fd/{self._handle}").readlink()
        except OSError:
            return None
        return place if self._is(place) else None

    def _is(self, path: Path) -> bool:
        try:
            return os.path.samestat(path.lstat(), os.fstat(self._handle))
        except OSError:
            return False


class Stopped(BaseException):
    """Raised where a run is told to stop and has no training step to finish."""


class StopRequest:
    """Hears the signals. `last_act` is done before the process ends at once.

    Where `is_heard` is false, the process goes on at those that save: of several ranks, one hears them for all.
    """

    def __init__(self, record: Record, last_act: Callable[[], None], *, is_heard: bool = True) -> None:
        self.signal: signal.Signals | None = None
        self.step = 0
        self.checkpoint: str | None = None
        self.adapter: str | None = None
        self._record = record
        self._last_act = last_act
        self._is_asked = self._is_deferred = False
        signal.signal(IGNORED, signal.SIG_IGN)
        self._hand_on: Callable[[signal.Signals], bool] | None = None
        self._handed: signal.Signals | None = None
        for number in HEARD:
            if is_heard:
                signal.signal(number, self._hear)
            elif number is not NOW:
                signal.signal(number, signal.SIG_IGN)

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

    @contextmanager
    def handed_on(self, to: Callable[[signal.Signals], bool]) -> Iterator[None]:
        """Within it each signal is told to `to`, and heard here only where that says that it could not be told."""
        self._hand_on = to
        try:
            yield
        finally:
            self._hand_on = None

    def heed_for(self, exit_code: int) -> None:
        """Raise Stopped where a process that a signal was handed on to has ended by it, before it could hear any."""
        if self._handed is not None and exit_code == -self._handed:
            self._note(self._handed)
            raise Stopped

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
        return Cancelled(
            signal=(self.signal or SAVE).name,
            step=self.step,
            kept=self.checkpoint,
            adapter=self.adapter,
            is_asked=self._is_asked,
            job=job_variables().get(JOB, ""),
        )

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        before, heard = self.signal, signal.Signals(number)
        if self._hand_on and self._hand_on(heard):
            self._handed = heard
            return
        if before is not None and heard in SAVES:
            self._record.takes_request()
            return
        self._note(heard)
        self._record.write(Stopping(signal=heard.name))
        if heard is NOW or before is not None:
            self._record.write(self.cancelled())
            self._last_act()
            os._exit(self.exit_code)
        if not self._is_deferred:
            raise Stopped

    def _note(self, heard: signal.Signals) -> None:
        self.signal = heard
        self._is_asked = self._record.takes_request() or heard is SAVE_THEN_NOW or self._is_asked
