"""Deleted runs lie in .trash of their runs folder; a run is held while it is moved or deleted."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.runs.access import TRASH, have_folder, is_folder, move, remove_tree
from core.runs.folder import RunFolder, list_runs
from core.runs.lock import holder, locked
from core.runs.state import Status, read_run


class StillInUse(Exception):
    """The run goes on, or it cannot be told from here that it does not."""


class Unreadable(StillInUse):
    """It cannot be told, since the record cannot be read."""


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Hold the lock of a run that has ended. Raises StillInUse where it has not, and where a prediction with it goes
    on; OSError where it is gone."""
    try:
        _, status = read_run(folder)
    except OSError as error:
        raise Unreadable(f"{folder.id} may still be running: {error.filename}: {error.strerror}") from None
    if status is Status.QUEUED:
        raise StillInUse(f"{folder.id} waits in the queue: remove it there")
    if not (status.is_over or status is Status.PREPARED):
        raise StillInUse(f"{folder.id} is {status}: stop it first")
    with locked(folder.lock) as is_ours:
        if not is_ours:
            raise StillInUse(f"the process of {folder.id} is still at work{holder(folder.lock)}")
        with locked(folder.readers) as is_unread:
            if not is_unread:
                who = holder(folder.readers)
                way_out = f"wait, or arena-tui stop {folder.id}"
                raise StillInUse(f"a prediction with {folder.id} is at work: {way_out}{who}")
            yield


@contextmanager
def kept_in_place(folder: RunFolder) -> Iterator[None]:
    """Keep what the run holds where it is, from all who heed `held`. Raises StillInUse where it is just being taken
    away; who may not write there holds nothing, and can only hope."""
    if not os.access(folder.path, os.W_OK):
        yield
        return
    with locked(folder.readers, shared=True) as is_here:
        if not is_here:
            raise StillInUse(f"{folder.id} is being moved, or parts of it deleted")
        yield


def trashed(runs: Path) -> list[RunFolder]:
    """The deleted runs of `runs`, newest first by the time of their start."""
    return list_runs(runs / TRASH) if is_folder(runs / TRASH) else []


def discard(folder: RunFolder) -> RunFolder:
    """Move an ended run to the trash, and return where it lies now. Raises StillInUse and OSError."""
    with held(folder):
        have_folder(folder.path.parent / TRASH)
        return _move(folder, folder.path.parent / TRASH)


def put_back(folder: RunFolder) -> RunFolder:
    """Move a run out of the trash, and return where it lies now. Raises OSError."""
    assert folder.path.parent.name == TRASH
    return _move(folder, folder.path.parent.parent)


def delete_for_good(folder: RunFolder) -> None:
    """Delete a run that lies in the trash. Raises OSError."""
    assert folder.path.parent.name == TRASH
    remove_tree(folder.path)


def _move(folder: RunFolder, target: Path) -> RunFolder:
    for attempt in range(1, 1000):
        place = target / (folder.id if attempt == 1 else f"{folder.id}-{attempt}")
        if not os.path.lexists(place):
            move(folder.path, place)
            return RunFolder(place)
    raise FileExistsError(f"{target} holds a thousand runs called {folder.id}")
