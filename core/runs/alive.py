"""Whether a run's process lives: the one that run.json tells of, if it proves to be at work there. Signals nothing."""

import time
from collections.abc import Iterable
from pathlib import Path

from core.files import Stamp, stamp
from core.runs.folder import RunFolder
from core.runs.identity import boot_id, is_alive, is_seen_here
from core.runs.lock import is_locked
from core.runs.proof import works_in

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


def _may_be_starting(folder: RunFolder) -> bool:
    """Whether a child may yet say who it is. Clocks of file servers are some seconds ahead of ours, or behind; of a
    folder that is made hours from now no age is known, and only the lock tells."""
    age = time.time() - folder.order.lstat().st_mtime
    return abs(age) < START_SECONDS or (age < 0 and bool(is_locked(folder.lock)))


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
