"""Locks for file systems where flock(2) does nothing: a file for each holder, which says what process it is.

Whoever wants the lock announces itself first and looks for others then: of two at once at least one sees the other.
The files of processes that have ended are passed over and deleted, so that none blocks for ever where it can be seen
that it has; a holder on another machine, or in another container, counts as alive.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from core.files import write_whole_in
from core.runs.access import delete, opened, read_whole
from core.runs.identity import Identity, is_alive

LOCAL = frozenset({"localflock", "noflock", "nolock", "local_lock=flock", "local_lock=all"})
"""Mount options of Lustre and NFS under which flock is not heard of on other machines (mount.lustre(8), nfs(5))."""


class Lease(Struct, frozen=True):
    """One holder of the lock `path`, alive or, as far as can be seen from here, perhaps (`is_seen` is False)."""

    path: Path
    holder: Identity
    is_seen: bool

    def __str__(self) -> str:
        return (
            f"process {self.holder.pid} on {self.holder.host} holds it, which cannot be seen from here; "
            f"once that has ended, delete {self.path}"
        )


@contextmanager
def announced(lock: Path, *, shared: bool) -> Iterator[Path]:
    """A file of this process's own, gone afterwards though its folder was moved meanwhile. Raises OSError."""
    path = lock.with_name(f"{lock.name}.{_kind(shared)}-{secrets.token_hex(8)}")
    with opened(path.parent) as folder:  # by its handle: it may be moved meanwhile
        try:
            write_whole_in(folder, Path(path.name), msgspec.json.encode(Identity.of_this_process()))
            yield path
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)


def others(lock: Path, *, own: Path | None = None, shared: bool = False) -> list[Lease]:
    """Who else holds the lock, against one that wants it alone or `shared`."""
    found = []
    for path in lock.parent.glob(f"{lock.name}.{_kind(False)}-*" if shared else f"{lock.name}.*-*"):
        lease = None if path == own else _read(path)
        if lease is not None:
            found.append(lease)
    return found


def reaches_others(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether flock on the file is heard of on other machines, as far as its mount tells (proc(5), mountinfo)."""
    try:
        device = path.stat().st_dev
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return True
    number = f"{os.major(device)}:{os.minor(device)}"
    return not any(LOCAL & set(_options(line)) for line in lines if line.split(" ")[2:3] == [number])


def _kind(shared: bool) -> str:
    return "shared" if shared else "held"


def _read(path: Path) -> Lease | None:
    try:
        holder = msgspec.json.decode(read_whole(path), type=Identity)
    except (OSError, msgspec.DecodeError):  # gone meanwhile, or not ours: they are written whole
        return None
    alive = is_alive(holder)
    if alive is False:
        with suppress(OSError):  # another has deleted it, or it is not ours to delete
            delete(path)
        return None
    return Lease(path, holder, alive is True)


def _options(mount: str) -> Iterator[str]:
    """Those of the mount, and behind the separator those of the file system."""
    ours, _, theirs = mount.partition(" - ")
    for field in (*ours.split(" ")[5:6], *theirs.split(" ")[2:3]):
        yield from field.split(",")
