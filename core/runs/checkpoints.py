"""Checkpoints of a run: each is written aside and renamed, so that what bears its name is whole, and can be checked."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from core.files import write_whole

ASIDE = ".saving"
MANIFEST = "manifest.json"
PREFIX = "checkpoint-"
SPARE_BYTES = 16 << 20
"""Left free beside a checkpoint, for the record and the log."""


class Kept(Struct, frozen=True):
    """`problem` says why a checkpoint cannot be resumed from; None where it is as it was written."""

    step: int
    path: Path
    problem: str | None


def checkpoints(folder: Path) -> list[Kept]:
    """The checkpoints in `folder`, newest first, each held against its manifest: file names and sizes in bytes."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdecimal()]
    kept = [Kept(int(path.name.removeprefix(PREFIX)), path, _problem(path)) for path in found]
    return sorted(kept, key=lambda one: one.step, reverse=True)


@contextmanager
def written_aside(folder: Path, step: int) -> Iterator[Path]:
    """A folder to write checkpoint `step` in; what lies there afterwards goes to its place in `folder` at once.

    Raises OSError (ENOSPC) where the disk has not the room that the newest checkpoint took. Whatever is raised
    meanwhile, no half of it stays behind.
    """
    aside, name = folder / ASIDE, f"{PREFIX}{step}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        _demand_room(folder)
        yield aside
        made = aside / name
        files = sorted(path for path in made.rglob("*") if path.is_file())
        for path in files:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sizes = {str(path.relative_to(made)): path.stat().st_size for path in files}
        write_whole(made / MANIFEST, msgspec.json.encode(sizes))
        shutil.rmtree(folder / name, ignore_errors=True)
        made.rename(folder / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def delete_old(folder: Path, keep: int, sound: int) -> None:
    """Delete all but the newest `keep` intact checkpoints, and the newest one up to step `sound`, which is kept too.

    Damaged ones older than these go with them.
    """
    intact = [kept.step for kept in checkpoints(folder) if kept.problem is None]
    newest_sound = next((step for step in intact if step <= sound), None)
    for kept in checkpoints(folder):
        if len(intact) > keep and kept.step < intact[keep - 1] and kept.step != newest_sound:
            shutil.rmtree(kept.path)


def delete_after(folder: Path, step: int) -> None:
    """Delete the checkpoints of later steps."""
    for kept in checkpoints(folder):
        if kept.step > step:
            shutil.rmtree(kept.path)


def _problem(path: Path) -> str | None:
    try:
        sizes = msgspec.json.decode((path / MANIFEST).read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return f"{path.name} has no {MANIFEST}"
    except (OSError, msgspec.DecodeError) as error:
        return f"{path.name}: {MANIFEST} cannot be read: {error}"
    for name, size in sizes.items():
        try:
            found = (path / name).stat().st_size
        except OSError:
            return f"{path.name}: {name} is missing"
        if found != size:
            return f"{path.name}: {name} has {found:,} of {size:,} bytes"
    return None


def _demand_room(folder: Path) -> None:
    newest = next(iter(checkpoints(folder)), None)
    needed = SPARE_BYTES
    if newest:
        needed += sum(path.stat().st_size for path in newest.path.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"a checkpoint needs {needed:,} bytes and {free:,} are free", str(folder))
