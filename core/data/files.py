"""Reads what a source of rows names: a file, a folder or pattern of files, a data set. Knows no column."""

import errno
import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from core.cache import is_full_disk, links
from core.data.bounds import watched
from core.data.columnar_files import columnar_records
from core.data.example import DataError, named, reason
from core.data.packed_files import TableFile, as_table_file, is_table, name_apart
from core.data.text_files import text_records, written
from core.profile.files import HUB_ID, TABLES

SAVED, SAVED_SPLITS = "state.json", "dataset_dict.json"
"""What datasets' save_to_disk leaves in a folder: of a data set, and of several that are called its splits."""
TRAIN = "train"
NAMED_TRAIN = re.compile(r"(^|[^a-z])train([^a-z]|$)", re.IGNORECASE)
COLUMNAR = (".parquet", ".arrow", ".feather")

Record = dict[str, Any]


class Row(NamedTuple):
    """A record, the file it stands in, and the line it begins on (in Parquet, Arrow, arrays and data sets: its number),
    from 1."""

    file: str
    line: int
    record: Record


def read_records(source: str) -> Iterator[Row]:
    """Each record of `source`, its files one after the other. A file is read as it is iterated.

    Raises DataError for what is no such table, for a record that is too long to be one, and where memory runs out.
    """
    files = files_of(source)
    for file in files:
        yield from (Row(file.name, *found) for found in watched(file.name, _records_of(file)))
    if not files:
        yield from (Row(source, *found) for found in watched(source, _dataset(source)))


def files_of(source: str) -> list[TableFile]:
    """The files that `source` names, in their order; none where it is a data set. Raises DataError."""
    if file := as_table_file(source):
        return [file]
    folder = Path(source)
    if folder.is_dir() and not _is_saved(folder):
        found = sorted(path for path in folder.rglob("*") if _is_shown(path.relative_to(folder)))
        # As datasets does: a folder with train.csv and test.csv is both, and what is wanted is the one.
        paths = [path for path in found if NAMED_TRAIN.search(str(path.relative_to(folder)))] or found
        _demand_each_once(paths)
        nothing = f"{source}: no file in this folder is a table ({', '.join(TABLES)})"
    elif _is_pattern(source) and not folder.is_dir():
        paths = sorted(path for path in map(Path, glob.glob(source, recursive=True)) if path.is_file())  # noqa: PTH207
        nothing = f"{source}: no file matches"
    elif is_table(folder):
        raise DataError(f"{source}: cannot be read: {os.strerror(errno.ENOENT)}")
    else:
        return []
    if not paths:
        raise DataError(nothing)
    return [file for path in paths if (file := as_table_file(str(path)))]


def is_data_set(source: str) -> bool:
    """Whether the datasets library reads `source`, and not this package: a folder that it saved, or one of the hub."""
    folder = Path(source)
    return _is_saved(folder) if folder.is_dir() else not (is_table(folder) or folder.exists() or _is_pattern(source))


def _is_pattern(source: str) -> bool:
    """A part of a split of the hub, owner/name::train[:10], is none."""
    return glob.has_magic(source) and not HUB_ID.fullmatch(source)


def _demand_each_once(paths: list[Path]) -> None:
    """Raise DataError where two files of a folder are called the same but for how they are written and packed."""
    by_name: dict[Path, Path] = {}
    for path in paths:
        name = path.with_name(name_apart(path))
        if name in by_name:
            raise DataError(f"{by_name[name]} and {path.name} may hold the same rows: name one of them")
        by_name[name] = path


def said_of(source: str) -> str:
    """How the files of `source` are written, as: 3 files, CSV with semicolons, gzip. Raises DataError, and OSError."""
    files = files_of(source)
    if not files:
        return "a saved data set" if Path(source).is_dir() else "a data set of the Hugging Face hub"
    kinds = dict.fromkeys(", ".join(filter(None, (_kind(file), file.packing))) for file in files)
    return (f"{len(files):,} files, " if len(files) > 1 else "") + " and ".join(kinds)


def _kind(file: TableFile) -> str:
    match file.suffix:
        case ".parquet":
            return "Parquet"
        case ".arrow" | ".feather":
            return "Arrow"
        case _:
            return str(written(file))


def _is_shown(path: Path) -> bool:
    """Whether a file of a folder is one of its tables: not what is hidden, or a program's own, as _SUCCESS."""
    return is_table(path) and not any(part.startswith((".", "_")) for part in path.parts)


def _records_of(file: TableFile) -> Iterator[tuple[int, Record]]:
    try:
        yield from columnar_records(file) if file.suffix in COLUMNAR else text_records(file)
    except OSError as error:
        raise DataError(f"{file.name}: cannot be read: {error.strerror or reason(error)}") from None


def _dataset(source: str) -> Iterator[tuple[int, Record]]:
    folder, on_hub = Path(source), HUB_ID.fullmatch(source)
    if not on_hub and not folder.is_dir():
        raise DataError(f"{source}: no such file, and no data set of the hub, as owner/name or owner/name:config:split")
    import datasets

    try:
        if on_hub is None or folder.is_dir():
            rows = _saved(folder)
        else:
            rows = datasets.load_dataset(on_hub["id"], on_hub["config"] or None, split=on_hub["split"] or TRAIN)
        yield from enumerate(rows, 1)
    except DataError:
        raise
    except Exception as error:
        if any(map(is_full_disk, links(error))):
            raise  # of the library's cache, which holds what it makes of the files
        what = "no data set can be read from this folder" if folder.is_dir() else "no such file, and no dataset loaded"
        raise DataError(f"{source}: {what}: {reason(error)}") from error


def _is_saved(folder: Path) -> bool:
    return (folder / SAVED).is_file() or (folder / SAVED_SPLITS).is_file()


def _saved(folder: Path) -> Any:
    """The rows that save_to_disk has put into `folder`; of several splits those called train."""
    import datasets

    found = datasets.load_from_disk(str(folder))
    if not isinstance(found, datasets.DatasetDict):
        return found
    if TRAIN not in found:
        raise DataError(f"{folder}: no split called {TRAIN}; name the folder of one: {named(found)}")
    return found[TRAIN]
