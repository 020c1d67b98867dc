"""The lock of a run, held by its process for as long as it lives. The system lets go of it when a process ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS = 1.0
"""Others hold it for a moment: to see whether it is held, to write a killed run's last event."""


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock if nobody else does; False within if somebody does."""
    deadline = time.monotonic() + WAIT_SECONDS
    with path.open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    yield False
                    return
                time.sleep(0.05)
            else:
                yield True
                return
