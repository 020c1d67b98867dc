"""Whether a run's process lives, told from what run.json says of it. Signals nothing."""

import socket
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from core.files import Stamp, stamp
from core.runs.folder import RunFolder, RunInfo
from core.runs.lock import is_locked

START_SECONDS = 30
"""Within these a new run's child has said who it is."""
# psutil derives a start time from the boot time, which moves when the clock is set. A pid is not
# used again within seconds.
SAME_START_SECONDS = 5


def boot_id() -> str:
    """Linux's id of this boot, "" elsewhere. A container has that of its host."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def pid_namespace() -> str:
    """Linux's name of the namespace in which this process sees pids, one for each container; "" elsewhere."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """Clock ticks from the boot to the start of `pid` (proc(5), stat, field 22), which setting the clock does not
    change; None where there is no such process, or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])  # the name before it may hold spaces and brackets


def is_seen_here(info: RunInfo) -> bool:
    """Whether the run's pid means the same process here: same machine, same container."""
    if info.boot_id and info.pid_namespace:
        return (info.boot_id, info.pid_namespace) == (boot_id(), pid_namespace())
    return info.host == socket.gethostname()


def is_alive(info: RunInfo) -> bool | None:
    """Whether the run's process lives; None where that cannot be known from its pid: on another machine,
    and in another container."""
    if info.boot_id and info.boot_id != boot_id():
        return False if info.host == socket.gethostname() else None
    if not is_seen_here(info):
        return None
    try:
        process = psutil.Process(info.pid)
        if info.start_ticks is not None:
            is_same = start_ticks(info.pid) == info.start_ticks
        else:
            is_same = abs(process.create_time() - info.process_started) < SAME_START_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_run_alive(folder: RunFolder) -> bool | None:
    """`is_alive` of the run's process; None too while a new run has not said yet who it is.

    In another container of this machine it is the lock that tells, which knows no namespaces.
    """
    info = folder.read_info()
    if info is None:
        return None if time.time() - folder.order.stat().st_mtime < START_SECONDS else False
    if info.boot_id and info.boot_id == boot_id() and not is_seen_here(info):
        return is_locked(folder.lock)
    return is_alive(info)


class MayLive:
    """Asks again and again which runs may live. One whose process has ended is not asked again as long as its run.json
    is the same: a process does not come back, and the next one writes another."""

    def __init__(self) -> None:
        self._ended: dict[Path, Stamp] = {}

    def among(self, runs: Iterable[RunFolder]) -> list[RunFolder]:
        """Those of `runs` that live, or of which that cannot be known."""
        found = []
        for run in runs:
            told = stamp(run.info)  # looked at first: another process may be at work meanwhile
            if told and self._ended.get(run.path) == told:
                continue
            try:
                alive = is_run_alive(run)
            except FileNotFoundError:
                continue  # the folder was deleted
            if told and alive is False:
                self._ended[run.path] = told
            else:
                found.append(run)
        return found
