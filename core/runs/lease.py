"""Locks for file systems where flock(2) does nothing: a file for each holder, which says what process it is.

Whoever wants the lock announces itself first and looks for others then: of two at once at least one sees the other.
The files of processes that have ended are passed over and deleted, so that none blocks for ever. A holder on another
machine, or in another container, is known by its heartbeat, the time of its file, which is compared with that of a file
written here: both times are the file system's.
"""

import os
import secrets
import signal
import sys
import threading
import time
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


HEARTBEAT_SECONDS = 20.0
LOST_SECONDS = 300.0
"""A holder that cannot be seen and was silent for so long has ended. Where a file system takes the clocks of its
clients, these must not differ by more: munge, which Slurm relies on, refuses those that do."""


class Lease(Struct, frozen=True):
    """One holder of the lock `path`, alive or, as far as can be seen from here, perhaps (`is_seen` is False)."""

    path: Path
    holder: Identity
    is_seen: bool

    def __str__(self) -> str:
        return (
            f"process {self.holder.pid} on {self.holder.host} holds it, which cannot be seen from here: it counts "
            f"until {LOST_SECONDS / 60:.0f} minutes after its last sign of life; if it has ended, delete {self.path}"
        )


@contextmanager
def announced(lock: Path, *, shared: bool) -> Iterator[Path]:
    """A file of this process's own, with a heartbeat; gone afterwards though its folder was moved meanwhile.

    Where it was taken for dead meanwhile, and another holds the lock, the process is killed. Raises OSError.
    """
    path = lock.with_name(f"{lock.name}.{_kind(shared)}-{secrets.token_hex(8)}")
    with opened(path.parent) as folder:  # by its handle: it may be moved meanwhile
        try:
            write_whole_in(folder, Path(path.name), msgspec.json.encode(Identity.of_this_process()))
            with _beating(path, folder, shared=shared):
                yield path
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)


def others(lock: Path, *, own: Path | None = None, shared: bool = False) -> list[Lease]:
    """Who else holds the lock, against one that wants it alone or `shared`."""
    found = []
    for path in lock.parent.glob(f"{lock.name}.{_kind(False)}-*" if shared else f"{lock.name}.*-*"):
        lease = None if path == own else _read(path)
        if lease is not None and (lease.is_seen or not _is_silent(path)):
            found.append(lease)
    return found


@contextmanager
def _beating(path: Path, folder: int, *, shared: bool) -> Iterator[None]:
    """Within it the file `path`, of the folder with this handle, is touched again and again."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):  # for now
                if _was_taken_for_dead(path, folder) and others(_lock_of(path), own=path, shared=shared):
                    print(f"killed: {path} was silent for too long, and another process has the lock", file=sys.stderr)
                    os.unlink(path.name, dir_fd=folder)
                    os.kill(os.getpid(), signal.SIGKILL)

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        is_over.set()
        heart.join()


def _was_taken_for_dead(path: Path, folder: int) -> bool:
    """Touch the file `path` of the folder with this handle. Where it is gone, write it anew, so that whoever looks
    from now on finds it: they may have deleted it without wanting the lock."""
    try:
        os.utime(path.name, dir_fd=folder)
    except FileNotFoundError:
        write_whole_in(folder, Path(path.name), msgspec.json.encode(Identity.of_this_process()))
        return True
    return False


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name.rpartition(".")[0])


def _is_silent(path: Path) -> bool:
    """Whether a holder that cannot be seen has ended, by its heartbeat; then its file is deleted."""
    try:
        if _now(path.parent) - path.stat().st_mtime <= LOST_SECONDS:
            return False
    except FileNotFoundError:
        return True
    except OSError:
        return False
    with suppress(OSError):  # another has deleted it, or it is not ours to delete
        delete(path)
    return True


def _now(folder: Path) -> float:
    """The file system's time, as a new file has it; ours where none can be written."""
    name = f".clock-{secrets.token_hex(8)}"
    try:
        with opened(folder) as handle:
            write_whole_in(handle, Path(name), b"")
            try:
                return os.stat(name, dir_fd=handle).st_mtime
            finally:
                os.unlink(name, dir_fd=handle)
    except OSError:
        return time.time()


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
