"""Reads and writes whole files: ordinary ones alone, bounded, never half of one."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import pyarrow

READ_AND_WRITE = 0o666


def in_words(error: Exception | BaseException) -> str:
    """What an error says, for a sentence: of one of the system, the file and why, without its number."""
    if not (isinstance(error, OSError) and error.strerror):
        return str(error) or type(error).__name__
    why = error.strerror[:1].lower() + error.strerror[1:]
    return f"{os.fsdecode(error.filename)}: {why}" if isinstance(error.filename, str | bytes | os.PathLike) else why


def as_their_folder(folder: Path) -> None:
    """Give each file in `folder`, a new one, the permissions that the umask gave to the folder. Raises OSError."""
    mode = folder.stat().st_mode & READ_AND_WRITE
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


MOST_OF_A_PROFILE = 1 << 20
MOST_OF_A_CONFIG = 16 << 20
MOST_OF_A_TOKENIZER = 256 << 20
"""Bytes. The largest files of their kind that are known have a few thousand, 4 million and 40 million."""
MOST_OF_AN_EVALUATION = 1 << 30
"""Of the evaluation rows of a run, of which one takes about a hundred."""


def demand_ordinary(path: Path) -> None:
    """Raise OSError, which says what lies there instead, unless `path` is an ordinary file: the others may never end,
    or keep a reader waiting."""
    mode = path.stat().st_mode
    for is_it, kind in _KINDS:
        if is_it(mode):
            raise OSError(errno.EINVAL, f"{kind}, not a regular file: write its content to a file first")
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def read_bounded(path: Path, most: int) -> bytes:
    """The content of an ordinary file. Raises OSError, also where it has more than `most` bytes."""
    demand_ordinary(path)
    with open(path, "rb", opener=_without_waiting) as file:
        content: bytes = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MiB, too large for a file of this kind")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # should a pipe have taken the file's place meanwhile


_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` aside, flush it to disk, and rename it to `path`; a link or special file there is replaced.

    What the user names is for `write_output`. Raises OSError.
    """
    write_whole_in(None, path, content)


def write_whole_in(folder: int | None, path: Path, content: bytes) -> None:
    """`write_whole`, where a relative path is meant from the folder that is open as `folder`. Raises OSError."""
    with _written(folder, path) as file:
        file.write(content)


def as_parquet(table: "pyarrow.Table") -> bytes:
    """The table as a file of Parquet."""
    from pyarrow import BufferOutputStream, parquet

    buffer = BufferOutputStream()
    parquet.write_table(table, buffer)
    return bytes(buffer.getvalue().to_pybytes())


@contextmanager
def _written(folder: int | None, path: Path) -> Iterator[BinaryIO]:
    aside = aside_of(path)
    # The name cannot be foretold, and nothing that bears it is opened: neither a link nor another user's file.
    number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):  # its folder may have gone meanwhile, which is then what is to be told
            os.unlink(aside, dir_fd=folder)
        raise


def aside_of(path: Path) -> Path:
    """A hidden path beside `path` that nobody can foretell, its name of a length that every file system takes."""
    return path.with_name(f".{path.name[:_MOST_OF_NAME]}.{secrets.token_hex(8)}")


def write_output(path: Path, content: bytes) -> None:
    """Write `content` to what the user has named: a file whole, as `write_whole` does; through a link to the file it
    means; and into a device or a pipe, which stays what it is. Raises OSError."""
    with written(path) as file:
        file.write(content)


def demand_writable(path: Path) -> None:
    """Raises OSError where `write_output` could not write there as things are."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    place = path if _takes_what_is_written(path) else path.resolve().parent / "."
    place.stat()
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """`write_output` piece by piece: a file appears once all is written, and not at all where anything is raised."""
    if _takes_what_is_written(path):
        with path.open("ab") as file:  # nothing is cut off: the shell may have opened it to append
            yield file
        return
    path = path.resolve() if path.is_symlink() else path
    with _written(None, path) as file:
        yield file


def _takes_what_is_written(path: Path) -> bool:
    """Whether a device, a pipe or the like lies there, or, as behind /dev/stdout, what another has opened: no file to
    be replaced."""
    if path.absolute().parts[:2] in _OPENED:
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


_OPENED = (("/", "dev"), ("/", "proc"))
_MOST_OF_NAME = 50
"""Characters, of at most four bytes each; a name may have 255 bytes."""


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
"""Inode, size in bytes, and when content and inode were changed, in nanoseconds."""


def stamp(path: Path, *, follow_symlinks: bool = True) -> Stamp | None:
    """What tells a file from the one that lay there before; None where there is none."""
    try:
        found = path.stat(follow_symlinks=follow_symlinks)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
