"""Checkpoints of a run: written aside, checked, deleted where they need not be kept; and a run's disk use."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from msgspec import Struct

from core.runs.access import have_folder, is_folder, make_folder, move, reached, remove_tree
from core.runs.folder import RunFolder
from core.runs.seal import flaw, seal
from core.runs.trash import held

ASIDE = ".saving"
PREFIX = "checkpoint-"
NAME = re.compile(PREFIX + "[0-9]{1,15}")
SPARE_BYTES = 16 << 20
"""Left free beside a checkpoint, for the record and the log."""


class StoredCheckpoint(Struct, frozen=True):
    """`problem` says why a checkpoint cannot be resumed from; None where it is as it was written."""

    step: int
    path: Path
    problem: str | None


def checkpoints(folder: Path) -> list[StoredCheckpoint]:
    """The checkpoints in `folder`, newest first, each held against its manifest: file names and sizes in bytes.

    Whoever uses one, or deletes others for its sake, asks for its `damage` too.
    """
    if not is_folder(folder):
        return []
    found = [path for path in folder.glob(f"{PREFIX}*") if NAME.fullmatch(path.name)]
    kept = [StoredCheckpoint(int(path.name.removeprefix(PREFIX)), path, flaw(path)) for path in found]
    return sorted(kept, key=lambda one: one.step, reverse=True)


def damage(kept: StoredCheckpoint) -> str | None:
    """As its `problem`, but told from what the files hold, which reads all of them."""
    return kept.problem or flaw(kept.path, content=True)


@contextmanager
def written_aside(folder: Path, step: int) -> Iterator[Path]:
    """A folder to write checkpoint `step` in; what lies there afterwards goes to its place in `folder` at once.

    Raises OSError (ENOSPC) where the disk has not the room that the newest checkpoint took. Whatever is raised
    meanwhile, no half of it stays behind.
    """
    aside, name = folder / ASIDE, f"{PREFIX}{step}"
    have_folder(folder)
    remove_tree(aside)
    make_folder(aside)
    try:
        _demand_room(folder)
        with reached(aside) as here:  # a library would make the folder anew where it was renamed
            yield here
            made = here / name
            files = sorted(path for path in made.rglob("*") if path.is_file())
            for path in files:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            seal(made)
        remove_tree(folder / name)
        move(aside / name, folder / name)
    finally:
        remove_tree(aside)


def delete_old(folder: Path, keep: int, sound: int) -> None:
    """Delete all but the newest `keep` intact checkpoints, and the newest one up to step `sound`, which is kept too.

    Damaged ones older than these go with them.
    """
    intact = [kept.step for kept in checkpoints(folder) if kept.problem is None]
    newest_sound = next((step for step in intact if step <= sound), None)
    for kept in checkpoints(folder):
        if len(intact) > keep and kept.step < intact[keep - 1] and kept.step != newest_sound:
            remove_tree(kept.path)


def delete_after(folder: Path, step: int) -> None:
    """Delete the checkpoints of later steps."""
    for kept in checkpoints(folder):
        if kept.step > step:
            remove_tree(kept.path)


def _demand_room(folder: Path) -> None:
    newest = next(iter(checkpoints(folder)), None)
    needed = SPARE_BYTES
    if newest:
        needed += sum(path.stat().st_size for path in newest.path.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"a checkpoint needs {needed:,} bytes and {free:,} are free", str(folder))


KEEP = 1
"""Intact checkpoints that stay unless the user says otherwise."""


class Pruning(Struct, frozen=True):
    """What pruning a run deletes, and what it leaves."""

    run: RunFolder
    paths: tuple[Path, ...]
    size: int
    """Bytes in `paths`."""
    kept: tuple[str, ...]
    """Names of the checkpoints that stay, newest first."""


def plan(folder: RunFolder, keep: int = KEEP) -> Pruning:
    """Keep the newest `keep` intact checkpoints; damaged ones and half-written ones go.

    Where none is intact all stay, since something of them may be rescued by hand, unless `keep` is 0. Those that stay
    are read whole where others go: of two of the right size, the older may be the one to go on from.
    """
    found = checkpoints(folder.checkpoints)
    is_pruned = len(found) > keep or any(one.problem for one in found)
    staying = list(islice((one for one in found if damage(one) is None), keep)) if is_pruned else found
    if keep and not staying:
        staying = found
    going = [one.path for one in found if one not in staying]
    half_written = folder.checkpoints / ASIDE
    paths = (*going, *([half_written] if os.path.lexists(half_written) else []))
    return Pruning(folder, paths, sum(map(size, paths)), tuple(one.path.name for one in staying))


def carry_out(pruning: Pruning) -> None:
    """Delete what was planned. Raises StillInUse where the run has been resumed since; OSError."""
    with held(pruning.run):
        for path in pruning.paths:
            remove_tree(path)


class DiskUse(Struct, frozen=True):
    """Bytes in the files of a run: in all of them, of these in checkpoints, and in the adapter."""

    total: int
    checkpoints: int
    adapter: int


def disk_use(folder: RunFolder) -> DiskUse:
    return DiskUse(size(folder.path), size(folder.checkpoints), size(folder.adapter))


def size(folder: Path) -> int:
    """Bytes in all files below `folder`, links not followed; 0 where there is none. Files may vanish meanwhile."""
    if not is_folder(folder):
        return 0
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  (a Path each is slow)
            except OSError:
                continue
    return total
