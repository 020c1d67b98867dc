"""An entry of the queue, and whether this user has written it here, by a secret of theirs: only such a one starts."""

import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.runs.access import read_whole
from core.runs.folder import RunFolder
from core.user import state_folder

SIZE = 32
"""Bytes."""


def secret_file() -> Path:
    return state_folder() / "secret"


def sign(content: bytes) -> str:
    """A seal on `content` that only this user can make; the secret is made with the first. Raises OSError."""
    return _seal(_read() or _make(), content)


def is_signed(content: bytes, seal: str) -> bool:
    """Whether this user has made the seal, as far as they can tell: without a secret that is theirs they cannot."""
    try:
        secret = _read()
    except OSError:  # whoever signs is told
        return False
    return secret is not None and hmac.compare_digest(_seal(secret, content).encode(), seal.encode())


def _seal(secret: bytes, content: bytes) -> str:
    return hmac.new(secret, content, hashlib.sha256).hexdigest()


def _read() -> bytes | None:
    path = secret_file()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor has no path)
        found = os.fstat(descriptor)
        is_theirs = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        content = file.read(SIZE + 1) if is_theirs else b""
    if len(content) != SIZE:
        raise PermissionError(
            f"{path} is not your secret, a file of {SIZE} bytes that only you may read. Delete it; waiting runs then "
            "have to be adopted"
        )
    return content


def _make() -> bytes:
    """Of two processes that make it at once both use that of the first."""
    path = secret_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink(missing_ok=True)
    made = _read()
    assert made is not None
    return made


class Entry(Struct, frozen=True, kw_only=True):
    """A place in the queue. Lower places come first; they need not be consecutive."""

    place: int
    gpus: list[str]
    """The cards that were visible where it was queued: it runs on some of them."""
    wanted: int | Literal["all"] | list[int] = 1
    """How many of them, or which, as run.gpus says."""
    working_directory: str
    """Where it was queued: relative paths of its profile are meant from there."""
    taken: str | None = None
    """The cards on which the runner is starting it, with commas; from then on it can be neither moved nor removed."""
    resolved: str = ""
    """SHA-256 of resolved.toml as it was queued."""
    profile: str = ""
    """SHA-256 of profile.toml as it was queued."""
    seal: str = ""
    """Made by whoever queued it, of all that it says but its place and card, and of where it lies."""


class Removed(Struct, frozen=True):
    """A run that was taken out of the queue. `files` are those of its folder, None where that is still there."""

    run: RunFolder
    entry: Entry
    is_ours: bool
    files: dict[str, bytes] | None


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
    several = () if entry.wanted == 1 else (entry.wanted,)  # entries of earlier versions ask for one card
    return msgspec.json.encode((place, entry.gpus, entry.working_directory, entry.resolved, entry.profile, *several))


def _machine() -> str:
    """The machine's id (machine-id(5)); "" where it has none: homes and runs may be shared by several."""
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def _digest(path: Path) -> str:
    return hashlib.sha256(read_whole(path)).hexdigest() if os.path.lexists(path) else ""
