"""Ending a run: three rungs, each harder than the one before, what each signal means, and what is left of the run."""

import os
import signal
from contextlib import suppress
from enum import Enum
from pathlib import Path

import psutil

from core.machine.gpus import card
from core.runs import events
from core.runs.access import delete, open_for_append
from core.runs.folder import RunFolder
from core.runs.identity import is_seen_here, start_ticks
from core.runs.liveness import is_marked, is_run_alive
from core.runs.lock import locked
from core.runs.protocol import RANK
from core.runs.record import REQUEST, Record, Tail
from core.runs.state import RunState, fold

SAVE = signal.SIGTERM
"""Finish the step, save, end. Sent again, by another console perhaps, it means no more than once."""
SAVE_TOO = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
"""The same, from a scheduler: Slurm's --signal sends what it is told to, mostly one of the first two; the third is the
system's, where the processor time that was granted is used up."""
SAVE_THEN_NOW = signal.SIGINT
"""Ctrl-C: the first saves, a second ends at once."""
NOW = signal.SIGQUIT
"""End at once."""
IGNORED = signal.SIGHUP
"""A closed terminal ends no run."""

SAVES = (SAVE, *SAVE_TOO)
HEARD = (*SAVES, SAVE_THEN_NOW, NOW)
"""What a run heeds."""

RETURN_SECONDS = 10
"""So long after a run's last process the driver may take to clear its memory away."""
RETURNED = 0.9
"""Share of what the run had reserved that must be free again. Others may take from the card meanwhile."""


class CardMemory:
    """Of the run's own cards, as they are when this object is made: before the run is asked to end."""

    def __init__(self, folder: RunFolder) -> None:
        info = folder.read_info()
        self._cards: list[str | None] = [*info.cards] if info and info.cards else [None]
        self._free_before = self._free()

    def held(self, state: RunState) -> int:
        """Bytes that the run had reserved at its last step and that are not free again; 0 for one on a processor."""
        if not state.steps or state.started is None or state.started.device.kind != "cuda":
            return 0
        own = [reading.memory_reserved for reading in state.ranks] or [state.steps[-1].memory_reserved]
        cards = zip(self._free_before, own, self._free(), strict=False)
        return sum(
            max(0, int(before + RETURNED * size) - now)
            for before, size, now in cards
            if before is not None and now is not None
        )

    def _free(self) -> list[int | None]:
        found = [card(gpu) for gpu in self._cards]
        return [one.memory_free if one else None for one in found]


class Rung(Enum):
    """The signal of each rung. Asking twice for the same is like asking once, whoever asks."""

    SAVE = SAVE
    """Finish the step, save a checkpoint and the adapter, end."""
    NOW = NOW
    """End at once; what came after the newest checkpoint is lost."""
    KILL = signal.SIGKILL
    """No word to the child: the system ends every process of the run."""


def ask(folder: RunFolder, rung: Rung) -> bool:
    """Send the rung's signal. False if nothing of the run is left, or none of it is to be seen from here.

    Raises PermissionError if the run belongs to someone else.
    """
    if rung is Rung.KILL:
        sent = [_signal(pid, start_ticks(pid), rung.value) for pid in processes(folder)]
        return any(sent)
    request = folder.path / REQUEST
    with suppress(OSError):  # then the record will name the signal alone
        open_for_append(request).close()
    try:
        is_sent = pass_on(folder, rung.value)
    except PermissionError:
        is_sent = False
        raise
    finally:
        if not is_sent:
            with suppress(OSError):
                delete(request)
    return is_sent


def pass_on(folder: RunFolder, number: signal.Signals) -> bool:
    """Send the run a signal that a follower in the foreground was sent: Ctrl-C once saves, twice ends at once."""
    info = folder.read_info()
    if info is None:
        return False
    ticks = start_ticks(info.pid)  # asked first: what is looked at next is what is signalled then
    return bool(is_seen_here(info) and is_run_alive(folder)) and _signal(info.pid, ticks, number)


def processes(folder: RunFolder) -> list[int]:
    """What lives of the run: its process, and what that has started and has outlived it.

    Those are known by the session that they share, which ranks have of their own, and by the run's folder in their
    environment.
    """
    info = folder.read_info()
    if info is None or not is_seen_here(info):
        return []
    found = [info.pid] if is_run_alive(folder) else []
    for process in _all_processes():
        with suppress(psutil.Error, OSError):
            if (
                process.pid != info.pid
                and (os.getsid(process.pid) == info.pid or RANK in process.cmdline())
                and is_marked(process, folder)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process.pid)
    return found


def _all_processes() -> list[psutil.Process]:
    try:
        return list(psutil.process_iter())
    except (OSError, IndexError):  # no /proc
        return []


def note_kill(folder: RunFolder) -> None:
    """Write the last event that a killed child could not write. Only once nothing of the run is left."""
    with locked(folder.lock) as is_ours:
        if not is_ours:
            return
        state = fold(RunState(), Tail(folder.events).read())
        if state.last:
            return
        kept = state.checkpoint.folder if state.checkpoint else None
        with Record(folder.events) as record:
            record.write(events.Cancelled(signal=signal.SIGKILL.name, step=state.step, kept=kept, is_asked=True))


def stopped_by(end: events.Cancelled) -> str:
    """Who or what has ended a run, in words that go on from "stopped by"."""
    if end.is_asked is None:  # of older versions, in which schedulers were known by their signals alone
        return "a scheduler" if end.signal in {one.name for one in SAVE_TOO} else "you"
    if end.is_asked:
        return "you"
    return f"a signal: {end.signal}{f' (from the scheduler: Slurm job {end.job})' if end.job else ''}"


def _signal(pid: int, ticks: int | None, number: signal.Signals) -> bool:
    """Signal the process that started at `ticks` and no other that was given its pid since; and never ourselves."""
    if pid == os.getpid():
        return False
    try:
        if not Path("/proc/self/stat").exists():
            os.kill(pid, number)
            return True
        handle = os.pidfd_open(pid)
        try:
            if ticks is not None and start_ticks(pid) != ticks:
                return False
            signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    except ProcessLookupError:
        return False
    return True
