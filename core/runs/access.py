"""The one way to the files below a runs folder: no link is followed there, and only regular files are opened.

Run folders travel, so a stranger may have laid out what lies in one. Every folder from the runs folder down is opened
by its name in the one above (openat(2)), so that none can be exchanged for a link meanwhile. The runs folder itself,
and the way to it, are the user's: there links are followed. Anything may have happened to a file since it was written:
all that can be wrong with its JSON is one error.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from core.files import write_whole_in

MOST_BYTES = 8 << 20
"""Of a file that is read whole. The largest that a run writes so are a hundred times smaller."""
TRASH = ".trash"
PARTS = frozenset({"adapter", ".adapter", "checkpoints", ".saving", "predictions", "scores"})
"""Folders that lie in that of a run or of a prediction."""

LINK = "a link, and links in a runs folder are not followed: replace it with its target"
SPECIAL = "not a regular file: delete it"
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no such value: cut short, of other types, no UTF-8, nested without end."""

Content = TypeVar("Content")

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Strange(OSError):
    """What lies there is nothing that a run has written: a link, a special file, or far too much."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class Damaged(Exception):
    """A file that does not hold what is written there."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(f"{path} is damaged: {why}")
        self.why = str(why)


def runs_folder_of(folder: Path) -> Path:
    """The runs folder that the folder of a run, of the queue, of a prediction or a part of one lies in.

    Told from names alone. Where it is mistaken for want of a better sign it names a folder further up.
    """
    while folder.name in PARTS or folder.parent.name in PARTS or _is_deleted_part(folder):
        folder = folder.parent
    return folder.parent.parent if folder.parent.name == TRASH else folder.parent


def _is_deleted_part(folder: Path) -> bool:
    """Whether it lies in the trash of what holds such folders, as a deleted prediction does."""
    return folder.parent.name == TRASH and folder.parent.parent.name in PARTS


def opened(folder: Path) -> AbstractContextManager[int]:
    """A handle on a folder below the runs folder, to reach what lies in it. Raises OSError, for a link too."""
    return _opened(runs_folder_of(folder), folder)


@contextmanager
def _opened(place: Path, folder: Path) -> Iterator[int]:
    """`folder` by way of `place`, from where on no link is followed."""
    handle = os.open(place, _FOLDER)
    try:
        for name in folder.relative_to(place).parts:
            place = place / name
            try:
                inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            except OSError as error:
                raise _told(error, place, handle) from None
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


@contextmanager
def reached(folder: Path) -> Iterator[Path]:
    """A path for libraries, which goes on meaning this very folder though it, or one above it, is renamed meanwhile.

    Without /proc there is none but the folder's own.
    """
    with opened(folder) as handle:
        path = Path(f"/proc/self/fd/{handle}")
        yield path if path.is_dir() else folder


def open_for_reading(path: Path, most: int | None = None) -> BufferedReader:
    """Raises OSError, for what is no regular file and for one of more than `most` bytes too."""
    file = os.fdopen(_open(path, os.O_RDONLY), "rb")
    if most is not None and os.fstat(file.fileno()).st_size > most:
        file.close()
        raise Strange(errno.EFBIG, f"larger than {most:,} bytes, too large for a file of a run", str(path))
    return file


def open_for_append(path: Path) -> FileIO:
    """To read and to write at the end, unbuffered; made where there is none. Raises OSError."""
    return os.fdopen(_open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+b", buffering=0)


def read_whole(path: Path, most: int = MOST_BYTES) -> bytes:
    """Raises OSError, for a file of more than `most` bytes too."""
    with open_for_reading(path, most) as file:
        return file.read(most)


def read_json(path: Path, type: type[Content]) -> Content:
    """The value in the file. Raises OSError and Damaged."""
    try:
        return msgspec.json.decode(read_whole(path), type=type)
    except UNDECODABLE as error:
        raise Damaged(path, error) from None


def write_whole(path: Path, content: bytes) -> None:
    """As `core.files.write_whole`: a link there is replaced, and what it means stays. Raises OSError."""
    with opened(path.parent) as folder:
        write_whole_in(folder, Path(path.name), content)


def delete(path: Path) -> None:
    """A file, or of a link the link alone. Raises OSError, but not where there is none."""
    with suppress(FileNotFoundError), opened(path.parent) as folder:
        os.unlink(path.name, dir_fd=folder)


def make_folder(path: Path) -> None:
    """A new folder in one that is there. Raises OSError, FileExistsError where something bears its name."""
    with _opened(runs_folder_of(path), path.parent) as folder:
        try:
            os.mkdir(path.name, dir_fd=folder)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


def have_folder(path: Path) -> None:
    """`make_folder`, unless there is one. Raises OSError, for a link in its place too."""
    with suppress(FileExistsError):
        make_folder(path)
    with opened(path):
        pass


def remove_tree(path: Path) -> None:
    """A folder with all that lies in it, or of a link the link alone. Raises OSError, but not where there is none."""
    with suppress(FileNotFoundError), _opened(runs_folder_of(path), path.parent) as folder:
        if stat.S_ISDIR(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(path.name, dir_fd=folder)
        else:
            os.unlink(path.name, dir_fd=folder)


def move(path: Path, target: Path) -> None:
    """Give a file or a folder the name and place of `target`, where no file is. Raises OSError."""
    with _opened(runs_folder_of(path), path.parent) as folder, _opened(runs_folder_of(target), target.parent) as other:
        os.rename(path.name, target.name, src_dir_fd=folder, dst_dir_fd=other)


def is_file(path: Path) -> bool:
    """Whether a regular file lies there, not behind a link."""
    return _has(path, stat.S_IFREG, runs_folder_of(path.parent))


def is_folder(path: Path) -> bool:
    """Whether a folder lies there, not behind a link."""
    return _has(path, stat.S_IFDIR, runs_folder_of(path))


def demand_plain(folder: Path) -> None:
    """For what a library is to read by itself: raises OSError unless all that lies in `folder` are regular files and
    folders, and none of them is behind a link."""
    with opened(folder):
        pass
    for place, folders, names in os.walk(folder, onerror=_raise):
        for path in (Path(place, name) for name in (*folders, *names)):
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode):
                _demand_regular(found, path)


def _raise(error: OSError) -> NoReturn:
    raise error


def _has(path: Path, kind: int, place: Path) -> bool:
    try:
        with _opened(place, path.parent) as folder:
            return stat.S_IFMT(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode) == kind
    except OSError:
        return False


def _open(path: Path, flags: int) -> int:
    with opened(path.parent) as folder:
        try:
            with suppress(FileNotFoundError):  # looked at first: to open a device can do something already
                _demand_regular(os.stat(path.name, dir_fd=folder, follow_symlinks=False), path)
            number = os.open(path.name, flags | _FILE, 0o666, dir_fd=folder)
        except Strange:
            raise
        except OSError as error:
            raise _told(error, path, folder) from None
    try:
        _demand_regular(os.fstat(number), path)
    except OSError:
        os.close(number)
        raise
    return number


def _demand_regular(found: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Strange(errno.ELOOP, LINK, str(path))
    if not stat.S_ISREG(found.st_mode):
        raise Strange(errno.EINVAL, SPECIAL, str(path))


def _told(error: OSError, path: Path, folder: int) -> OSError:
    """With the whole path, and where a link is the reason, in words that say so."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        with suppress(OSError):
            if stat.S_ISLNK(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
                return Strange(errno.ELOOP, LINK, str(path))
    return OSError(error.errno, error.strerror, str(path))
