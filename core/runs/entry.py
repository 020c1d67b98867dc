"""An entry of the queue, and whether this user has written it here: only such an entry starts a run."""

import hashlib
import os
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.runs.access import read_whole
from core.runs.folder import RunFolder
from core.secret import is_signed, sign


class Entry(Struct, frozen=True, kw_only=True):
    """A place in the queue. Lower places come first; they need not be consecutive."""

    place: int
    gpus: list[str]
    """The cards that were visible where it was queued: it runs on one of them."""
    working_directory: str
    """Where it was queued: relative paths of its profile are meant from there."""
    taken: str | None = None
    """The card on which the runner is starting it; from then on it can be neither moved nor removed."""
    resolved: str = ""
    """SHA-256 of resolved.toml as it was queued."""
    profile: str = ""
    """SHA-256 of profile.toml as it was queued."""
    seal: str = ""
    """Made by whoever queued it, of all that it says but its place and card, and of where it lies."""


class Standing(StrEnum):
    """How this user stands to an entry. The words go on from "it"."""

    OURS = "is yours"
    STRANGE = "was not queued by you here"
    CHANGED = "has changed since you queued it"


def sealed(run: RunFolder, entry: Entry) -> Entry:
    """The entry, vouched for by this user, with the run's files as they are now. Raises OSError."""
    entry = replace(entry, resolved=_digest(run.resolved), profile=_digest(run.profile))
    return replace(entry, seal=sign(_said(run, entry)))


def standing(run: RunFolder, entry: Entry) -> Standing:
    """Whether this user has queued the run here, as it is."""
    try:
        said = _said(run, entry)
        now = (_digest(run.resolved), _digest(run.profile))
    except OSError:  # gone, or not ours to read
        return Standing.STRANGE
    if not is_signed(said, entry.seal):
        return Standing.STRANGE
    return Standing.OURS if now == (entry.resolved, entry.profile) else Standing.CHANGED


def _said(run: RunFolder, entry: Entry) -> bytes:
    """What is sealed: the entry, and a place that no copy has. No device, whose number may change with each mount."""
    runs, folder = run.path.parent.resolve(), run.path.lstat()
    place = (_machine(), str(runs), runs.stat().st_ino, run.id, folder.st_ino, folder.st_uid)
    return msgspec.json.encode((place, entry.gpus, entry.working_directory, entry.resolved, entry.profile))


def _machine() -> str:
    """The machine's id (machine-id(5)); "" where it has none: homes and runs may be shared by several."""
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def _digest(path: Path) -> str:
    return hashlib.sha256(read_whole(path)).hexdigest() if os.path.lexists(path) else ""
