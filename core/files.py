"""Writes whole files: a reader sees the old one or the new one, never half of it; and tells one from the other."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` aside, flush it to disk, and rename it to `path`."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def is_lfs_pointer(path: Path) -> bool:
    """Whether what lies there is the few lines that Git puts in place of a file which Git LFS has not fetched.

    False where it cannot be read: whoever reads it will say why.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


_POINTER = b"version https://git-lfs.github.com/spec/"

Stamp = tuple[int, int, int, int]


def stamp(path: Path) -> Stamp | None:
    """What tells a file from the one that lay there before; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
