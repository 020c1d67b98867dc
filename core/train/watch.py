"""Watches over the ranks of a run: ends one that makes no progress, and all others once one has gone."""

import signal
import threading
import time
from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from core.train.pulse import Beat, Doing, read_pulse
from core.train.rank import pulse_file

HUNG_SECONDS = 40.0
"""So long a rank may compute without a beat, ..."""
HUNG_TIMES = 10
"""... or so many times as long as it ever has: what is slow is not hung."""
LOOK_SECONDS = 0.5
GRACE_SECONDS = 3.0
"""What the others have to end by themselves once a rank has failed, before they are killed."""


class RanksWatch:
    """A thread that looks at the ranks which this process has started."""

    def __init__(
        self, notes: Path, hung_seconds: float, has_failed_elsewhere: Callable[[], bool], *, are_all: bool
    ) -> None:
        """Their pulses lie in `notes`; `hung_seconds` are HUNG_SECONDS, or fewer where one cannot wait. `are_all` is
        false where there are ranks on other machines, too, for which those here may wait."""
        self.hung: dict[int, float] = {}
        """The rank that was ended since it made no progress, and for how many seconds."""
        self.ended: set[int] = set()
        """Ranks that were ended since another one had failed."""
        self._notes, self._hung_seconds = notes, hung_seconds
        self._has_failed_elsewhere, self._are_all = has_failed_elsewhere, are_all
        self._silent: dict[int, tuple[Beat | None, float]] = {}
        """The last beat of each rank, and for how many seconds this thread has seen no other: not by the clock, which
        goes on where the whole run is stopped and continued."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look_on(self) -> None:
        known: dict[int, psutil.Process] = {}
        failed_at: float | None = None
        while not self._is_over.wait(LOOK_SECONDS):
            known |= ranks()
            living = {rank: process for rank, process in known.items() if _lives(process)}
            if not self.hung and (found := self._hung_one(living)):
                rank, seconds = found
                self.hung[rank] = seconds
                _kill(living[rank])
            if failed_at is None:
                failed_at = time.monotonic() if self._are_of_no_use(known.keys() - living.keys()) else None
            elif time.monotonic() - failed_at > GRACE_SECONDS:
                self.ended |= living.keys()
                for process in living.values():
                    _kill(process)

    def _are_of_no_use(self, gone: Set[int]) -> bool:
        """Whether the others need not go on: rank 0 is over, or another that had not come to its end."""
        beats = {rank: read_pulse(pulse_file(self._notes, rank)) for rank in gone}
        is_over = 0 in gone or any(beat is None or beat.doing is not Doing.ENDS for beat in beats.values())
        return is_over or self._has_failed_elsewhere()

    def _hung_one(self, living: dict[int, psutil.Process]) -> tuple[int, float] | None:
        """The rank that has been silent for the longest time, if that is too long, and for how long: where one hangs,
        the others come to wait for it.

        Too long depends on what it does: a stopped process does nothing, and not all can wait for one another.
        """
        for rank in living:
            beat = read_pulse(pulse_file(self._notes, rank))
            before, seconds = self._silent.get(rank, (None, 0.0))
            self._silent[rank] = (beat, seconds + LOOK_SECONDS if beat == before else 0.0)
        told = [(rank, *self._silent[rank]) for rank in living]
        all_wait = self._are_all and all(beat and beat.doing is Doing.WAITS for _, beat, _ in told)
        found = []
        for rank, beat, seconds in told:
            if beat is None or seconds <= self._hung_seconds:
                continue
            computes = beat.doing is Doing.COMPUTES and seconds > HUNG_TIMES * beat.longest
            is_stopped = _is_stopped(living[rank])
            if computes or is_stopped or (all_wait and len(living) > 1):
                found.append((is_stopped, seconds, rank))
        if not found:
            return None
        _, seconds, rank = max(found)
        return rank, seconds


def ranks() -> dict[int, psutil.Process]:
    """The ranks that this process has started and that are there."""
    found = {}
    for process in psutil.Process().children():
        with suppress(psutil.Error, KeyError, ValueError):
            found[int(process.environ()["RANK"])] = process
    return found


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.send_signal(signal.SIGKILL)
