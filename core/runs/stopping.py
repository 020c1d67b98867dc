"""Ending a run: three rungs, each harder than the one before, and how much of the run is still there."""

import os
import signal
from contextlib import suppress
from enum import Enum
from pathlib import Path

import psutil

from core.runs import events, signals
from core.runs.alive import is_run_alive
from core.runs.folder import RunFolder
from core.runs.identity import is_seen_here, start_ticks
from core.runs.lock import locked
from core.runs.proof import is_marked
from core.runs.record import Record, Tail
from core.runs.state import RunState, fold


class Rung(Enum):
    """The signal of each rung. Asking twice for the same is like asking once, whoever asks."""

    SAVE = signals.SAVE
    """Finish the step, save a checkpoint and the adapter, end."""
    NOW = signals.NOW
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
    return pass_on(folder, rung.value)


def pass_on(folder: RunFolder, number: signal.Signals) -> bool:
    """Send the run a signal that a follower in the foreground was sent: Ctrl-C once saves, twice ends at once."""
    info = folder.read_info()
    if info is None:
        return False
    ticks = start_ticks(info.pid)  # asked first: what is looked at next is what is signalled then
    return bool(is_seen_here(info) and is_run_alive(folder)) and _signal(info.pid, ticks, number)


def processes(folder: RunFolder) -> list[int]:
    """What lives of the run: its process, and what that has started and has outlived it.

    Those are known by the session that they share and by the run's folder in their environment.
    """
    info = folder.read_info()
    if info is None or not is_seen_here(info):
        return []
    found = [info.pid] if is_run_alive(folder) else []
    for process in _all_processes():
        with suppress(psutil.Error, OSError):
            if (
                process.pid != info.pid
                and os.getsid(process.pid) == info.pid
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
            record.write(events.Cancelled(signal=signal.SIGKILL.name, step=state.step, kept=kept))


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
