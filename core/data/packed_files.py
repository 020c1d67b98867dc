"""Opens a file of rows as bytes, packed or not: plain, .gz, .zip with one table in it, .zst."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct

from core.data.example import DataError, named, reason
from core.files import demand_ordinary, is_lfs_pointer
from core.profile.files import PACKINGS, TABLES

NOT_A_TABLE = f"not a table: {', '.join(TABLES)} are read, each also packed as {', '.join(PACKINGS)}"


class TableFile(Struct, frozen=True):
    """A file of rows: `path`, how it is written (a suffix of TABLES), how it is packed (a value of PACKINGS, or ""),
    and which member of a zip archive it is."""

    path: Path
    suffix: str
    packing: str = ""
    member: str = ""

    @property
    def name(self) -> str:
        """As messages call it: lmsys.zip/train.csv for a member that was named."""
        return f"{self.path}/{self.member}" if self.member else str(self.path)


def as_table_file(source: str) -> TableFile | None:
    """The file that `source` names, `archive.zip/train.csv` being one in an archive; None where there is no file.

    Raises DataError for a file that is no table.
    """
    path = Path(source)
    archive = next((parent for parent in path.parents if parent.suffix.lower() == ".zip"), None)
    if archive and archive.is_file():
        return _in_archive(archive, path.relative_to(archive).as_posix())
    if path.is_dir() or not _exists(path):
        return None
    try:
        demand_ordinary(path)
    except OSError as error:
        raise DataError(f"{source}: {error.strerror}") from None
    if is_lfs_pointer(path):
        raise DataError(f"{source}: a Git LFS pointer, not the file itself: run git lfs pull in its folder")
    suffix, packing = _written(path)
    if packing == "zip":
        return _in_archive(path, "")
    if suffix not in TABLES:
        raise DataError(f"{source}: {NOT_A_TABLE}")
    return TableFile(path, suffix, packing)


def is_table(path: Path) -> bool:
    """Whether a file of a folder is a table by its name."""
    return _written(path)[0] in TABLES


def name_apart(path: Path) -> str:
    """The name of a table's file without what tells how it is written and packed: x of x.csv.gz."""
    suffix, packing = _written(path)
    stem = path.stem if packing else path.name
    return stem[: len(stem) - len(suffix)]


def _written(path: Path) -> tuple[str, str]:
    """How a file is written and packed, by its name: .csv and gzip of x.csv.gz."""
    *_, before, last = ("", "", *(suffix.lower() for suffix in path.suffixes))
    return (before, PACKINGS[last]) if last in PACKINGS else (last, "")


@contextmanager
def opened(file: TableFile) -> Iterator[BinaryIO]:
    """The bytes of the table, unpacked as they are read. Raises DataError, also while the block reads, for what cannot
    be unpacked, and OSError."""
    try:
        match file.packing:
            case "gzip":
                with gzip.open(file.path) as stream:
                    yield cast(BinaryIO, stream)
            case "zip":
                with zipfile.ZipFile(file.path) as archive, _member(file, archive) as stream:
                    yield stream
            case "zstd":
                import pyarrow

                try:
                    with pyarrow.input_stream(str(file.path), compression="zstd") as stream:
                        yield io.BufferedReader(_Raw(stream))
                except (pyarrow.ArrowException, OSError) as error:
                    raise DataError(f"{file.name}: cannot be unpacked: {reason(error)}") from None
            case _:
                with file.path.open("rb") as stream:
                    yield stream
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise DataError(f"{file.name}: cannot be unpacked: {reason(error)}") from None


def _member(file: TableFile, archive: zipfile.ZipFile) -> BinaryIO:
    try:
        return cast(BinaryIO, archive.open(file.member or _only_table(archive)))
    except (RuntimeError, NotImplementedError) as error:  # for a password, and for a way to pack that is not known
        raise DataError(f"{file.name}: cannot be unpacked: {reason(error)}") from None


class _Raw(io.RawIOBase):
    """Arrow's stream as Python's text layer takes it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _in_archive(path: Path, member: str) -> TableFile:
    """The table `member` of an archive; the only one in it where none is named."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if member and member not in names:
                raise DataError(f"{path}: holds no {member}; it holds {named(names)}")
            name = member or _only_table(archive)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path}: cannot be unpacked: {reason(error)}") from None
    suffix = Path(name).suffix.lower()
    if suffix not in TABLES:
        raise DataError(f"{path}/{name}: {NOT_A_TABLE}")
    return TableFile(path, suffix, "zip", member)


def _only_table(archive: zipfile.ZipFile) -> str:
    tables = [name for name in archive.namelist() if _is_listed(name)]
    if len(tables) != 1:
        found = f"holds {named(tables)}: name one, as {archive.filename}/{tables[0]}" if tables else "holds no table"
        raise DataError(f"{archive.filename}: {found}")
    return tables[0]


def _is_listed(name: str) -> bool:
    """Whether a member is a table, and no note of macOS about one."""
    return Path(name).suffix.lower() in TABLES and not name.startswith("__MACOSX/")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that cannot be one
        return False
