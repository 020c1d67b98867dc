"""Whether a process is at work in a folder, told by the process alone. Signals nothing.

Folders are copied, packed and sent: what run.json says of a process may be true of another folder, or of none.
"""

import os
import stat
from itertools import pairwise
from pathlib import Path

import psutil

from core.runs.folder import RunFolder
from core.runs.lock import is_locked

FOLDER_VARIABLE = "ARENA_TUI_WORKS_IN"
"""Holds `mark` of the run's folder in the environment of its process, and of all that this starts."""
MODULES = frozenset({"core.train", "core.score"})
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
