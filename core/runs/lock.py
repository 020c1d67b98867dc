"""Locks, held by a process for as long as it lives: the system lets go of them when it ends. A run has one.

They are those of flock(2). Where that does nothing, leases stand in for it. Whoever can open a lock file can hold the
lock, though they could do nothing else: so only those may who can write to its folder.
"""

import errno
import fcntl
import os
import random
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from core.runs import lease
from core.runs.access import open_for_reading, opened
from core.user import name_of

WAIT_SECONDS = 1.0
"""Others hold it for a moment: to see whether it is held, to write a killed run's last event."""
NO_FLOCK = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What a file system says that has none."""


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Hold the lock if nobody else does; False within if somebody does. Those who share it may hold it together.

    Raises OSError, saying whose it is, where the file is not ours to open.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    deadline = time.monotonic() + WAIT_SECONDS
    with _open(path) as lock:
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    yield False
                    return
                time.sleep(0.05)
            except OSError as error:
                if error.errno not in NO_FLOCK:
                    raise
                break
            else:
                if not _excludes(path):
                    break
                yield not lease.others(path, shared=shared)  # of processes that see the file system otherwise
                return
    with _leased(path, shared=shared, deadline=deadline) as is_ours:
        yield is_ours


def is_locked(path: Path) -> bool | None:
    """Whether anybody holds the lock for itself; None where that cannot be seen: no such file, not ours to read, or
    a lease of a process elsewhere."""
    if leases := lease.others(path, shared=True):
        return True if any(one.is_seen for one in leases) else None
    try:
        with open_for_reading(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return False if error.errno in NO_FLOCK else None
    return False


def holder(path: Path) -> str:
    """Who keeps the lock from us, and the way out where they are not seen to live, to follow a sentence; "" where
    nobody is to be seen."""
    leases = lease.others(path)
    for one in leases:
        if not one.is_seen:
            return f": {one}"
    for pid in [*(one.holder.pid for one in leases), *_flocking(path)]:
        with suppress(psutil.Error):  # it has ended
            process = psutil.Process(pid)
            began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(process.create_time()))
            return f": process {pid} of {process.username()}, which began at {began}, holds {path}"
    return ""


def _flocking(path: Path, locks: Path = Path("/proc/locks")) -> Iterator[int]:
    """Pids of those who hold the lock by flock, where the system tells (proc(5), /proc/locks)."""
    try:
        file, lines = path.stat(), locks.read_text().splitlines()
    except OSError:
        return
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in lines:
        match line.split():
            case [_, "FLOCK", _, _, pid, where, *_] if where == name:
                yield int(pid)


_NO_OTHER_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Neither a link's target, nor a wait for a pipe's other end."""


def _open(path: Path) -> IO[bytes]:
    """The lock file, made where there is none: for its owner, and for group and others if they may write to its folder.

    To be read and written: NFS shares a lock only through what may be read, and else only what may be written.
    """
    with opened(path.parent) as handle:
        folder = os.fstat(handle)
        mode = 0o600 | (0o060 if folder.st_mode & 0o020 else 0) | (0o006 if folder.st_mode & 0o002 else 0)
        try:
            descriptor = os.open(path.name, os.O_RDWR | os.O_CREAT | _NO_OTHER_FILE, mode, dir_fd=handle)
        except PermissionError:
            if not os.path.lexists(path):
                raise
            owner = name_of(path.lstat().st_uid)
            told = f"the lock {path} belongs to {owner} and you cannot write to it: leave this to them"
            raise PermissionError(told) from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise OSError(f"{path} is a link, not a lock: delete it") from None
    lock = os.fdopen(descriptor, "r+b", buffering=0)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        lock.close()
        raise OSError(f"{path} is not a regular file, so not a lock: delete it")
    if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != mode:
        with suppress(OSError):  # a file system without modes, where everybody has their own mount
            if mode & 0o060:
                os.fchown(descriptor, -1, folder.st_gid)
            os.fchmod(descriptor, mode)
    return lock


def _excludes(path: Path) -> bool:
    """Whether the lock, which is held, keeps another open file from it, on other machines too."""
    with _open(path) as second:
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return lease.reaches_others(path)
    return False


@contextmanager
def _leased(path: Path, *, shared: bool, deadline: float) -> Iterator[bool]:
    while True:
        with lease.announced(path, shared=shared) as own:
            if not lease.others(path, own=own, shared=shared):
                yield True
                return
        if time.monotonic() > deadline:
            yield False
            return
        time.sleep(random.uniform(0.02, 0.08))  # two that have seen each other are not to meet again
