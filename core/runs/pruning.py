"""Pruning: which checkpoints of an ended run need not be kept, how much that frees, and deleting them."""

import shutil
from itertools import islice
from pathlib import Path

from msgspec import Struct

from core.runs.checkpoints import ASIDE, checkpoints, damage
from core.runs.disk import size
from core.runs.ended import held
from core.runs.folder import RunFolder

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
    paths = (*going, *([half_written] if half_written.exists() else []))
    return Pruning(folder, paths, sum(map(size, paths)), tuple(one.path.name for one in staying))


def carry_out(pruning: Pruning) -> None:
    """Delete what was planned. Raises StillInUse where the run has been resumed since; OSError."""
    with held(pruning.run):
        for path in pruning.paths:
            shutil.rmtree(path, ignore_errors=not path.exists())
