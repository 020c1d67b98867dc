"""Locks, held by a process for as long as it lives: the system lets go of them when it ends. A run has one.

They are those of flock(2). Where that does nothing, leases stand in for it.
"""

import errno
import fcntl
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.runs import lease

WAIT_SECONDS = 1.0
"""Others hold it for a moment: to see whether it is held, to write a killed run's last event."""
NO_FLOCK = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What a file system says that has none."""


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Hold the lock if nobody else does; False within if somebody does. Those who share it may hold it together."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    deadline = time.monotonic() + WAIT_SECONDS
    with path.open("a+b") as lock:  # NFS shares a lock only through what may be read, and else only what may be written
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
                if not _excludes(lock, path):
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
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return False if error.errno in NO_FLOCK else None
    return False


def unseen_holder(path: Path) -> str:
    """Who keeps the lock from us without being seen to live, and the way out; "" where it is nobody like that."""
    return next((f": {one}" for one in lease.others(path) if not one.is_seen), "")


def _excludes(held: IO[bytes], path: Path) -> bool:
    """Whether the lock that is held on this open file keeps another open file from it, on other machines too."""
    with path.open("a+b") as second:
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return lease.reaches_others(Path(held.name))
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
