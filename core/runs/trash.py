"""Deleted runs: a run is moved to .trash in its runs folder, whence it comes back until the trash is emptied."""

import shutil
from pathlib import Path

from core.runs.ended import held
from core.runs.folder import TRASH, RunFolder, list_runs


def trashed(runs: Path) -> list[RunFolder]:
    """The deleted runs of `runs`, newest first by the time of their start."""
    return list_runs(runs / TRASH)


def discard(folder: RunFolder) -> RunFolder:
    """Move an ended run to the trash, and return where it lies now. Raises StillInUse and OSError."""
    with held(folder):
        return _move(folder, folder.path.parent / TRASH)


def put_back(folder: RunFolder) -> RunFolder:
    """Move a run out of the trash, and return where it lies now. Raises OSError."""
    assert folder.path.parent.name == TRASH
    return _move(folder, folder.path.parent.parent)


def delete_for_good(folder: RunFolder) -> None:
    """Delete a run that lies in the trash. Raises OSError."""
    assert folder.path.parent.name == TRASH
    shutil.rmtree(folder.path)


def _move(folder: RunFolder, target: Path) -> RunFolder:
    target.mkdir(exist_ok=True)
    for attempt in range(1, 1000):
        place = target / (folder.id if attempt == 1 else f"{folder.id}-{attempt}")
        if not place.exists():
            return RunFolder(folder.path.rename(place))
    raise FileExistsError(f"{target} holds a thousand runs called {folder.id}")
