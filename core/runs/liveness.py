"""Whether a run's process lives and is at work there: told by the process itself. Signals nothing."""

import os
import stat
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import psutil

from core.files import Stamp, stamp
from core.runs.average import is_average
from core.runs.folder import RunFolder
from core.runs.identity import boot_id, is_alive, is_seen_here
from core.runs.lock import is_locked

FOLDER_VARIABLE = "ARENA_TUI_WORKS_IN"
"""Holds `mark` of the run's folder in the environment of its process, and of all that this starts."""
MODULES = frozenset({"core.train", "core.predict", "core.average"})
"""What works in a folder, and has its path as the last word of the command line."""


def mark(folder: RunFolder) -> str:
    """What a folder has and no copy of it: device and inode. It keeps them when it is renamed. Raises OSError."""
    found = folder.path.stat()
    return f"{found.st_dev}:{found.st_ino}"


def is_marked(process: psutil.Process, folder: RunFolder) -> bool:
    """Whether its environment names the folder. Raises psutil.Error where that is not ours to see, and OSError."""
    return process.environ().get(FOLDER_VARIABLE) == mark(folder)


def works_in(pid: int, folder: RunFolder) -> bool | None:
    """Whether its environment, the lock that it holds or its command line names this very folder.

    None where these are not ours to see and somebody else, at most, holds the lock.
    """
    try:
        process = psutil.Process(pid)
        try:
            if is_marked(process, folder) or _has_lock(process, folder):
                return True
        except psutil.AccessDenied:
            pass  # another user's: everybody may see its command line
        is_named = _is_named(process, folder)
    except psutil.NoSuchProcess:
        return False
    if is_named is None and is_locked(folder.lock):
        return True
    return is_named


def _has_lock(process: psutil.Process, folder: RunFolder) -> bool:
    try:
        lock = folder.lock.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(lock.st_mode) or lock.st_nlink > 1:  # it might be a file of anybody's
        return False
    return any(_is_file(path, lock) for path, *_ in process.open_files())


def _is_named(process: psutil.Process, folder: RunFolder) -> bool | None:
    try:
        command = process.cmdline()
        if not any(option == "-m" and module in MODULES for option, module in pairwise(command)):
            return False
        path = Path(command[-1])
        if not path.is_absolute():
            path = Path(process.cwd(), path)
        return path.resolve() == folder.path.resolve() or _is_file(str(path), folder.path.stat())
    except psutil.AccessDenied:
        return None


def _is_file(path: str, known: os.stat_result) -> bool:
    try:
        return os.path.samestat(Path(path).stat(), known)
    except OSError:
        return False


START_SECONDS = 30
"""Within these a new run's child has said who it is."""


def is_run_alive(folder: RunFolder) -> bool | None:
    """`is_alive` of the run's process, if it works in this very folder and not in one that this is a copy of; None too
    while a new run has not said yet who it is.

    In another container of this machine it is the lock that tells, which knows no namespaces.
    """
    info = folder.read_info()
    if info is None:
        return None if _may_be_starting(folder) else False
    if info.boot_id and info.boot_id == boot_id() and not is_seen_here(info):
        return is_locked(folder.lock)
    alive = is_alive(info)
    return works_in(info.pid, folder) if alive else alive


def was_launched(folder: RunFolder) -> bool:
    """Whether a process was ever to work in the folder: its log is there before it is. A prediction and an average,
    which no script starts, are launched as soon as they are made."""
    is_trained = folder.order == folder.resolved and not is_average(folder.path)
    return not is_trained or folder.info.exists() or folder.console_log.exists()


def _may_be_starting(folder: RunFolder) -> bool:
    """Whether a child may yet say who it is. Clocks of file servers are some seconds ahead of ours, or behind; of a
    folder that is made hours from now no age is known, and only the lock tells."""
    age = time.time() - folder.order.lstat().st_mtime
    return abs(age) < START_SECONDS or (age < 0 and bool(is_locked(folder.lock)))


class LivenessCache:
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
