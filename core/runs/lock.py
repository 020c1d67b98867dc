"""Locks, held by a process for as long as it lives: the system lets go of them when it ends. A run has one."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS = 1.0
"""Others hold it for a moment: to see whether it is held, to write a killed run's last event."""


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Hold the lock if nobody else does; False within if somebody does. Those who share it may hold it together."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    deadline = time.monotonic() + WAIT_SECONDS
    with path.open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    yield False
                    return
                time.sleep(0.05)
            else:
                yield True
                return


def is_locked(path: Path) -> bool | None:
    """Whether anybody holds the lock; None where that cannot be seen: no such file, or not ours to read."""
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False
