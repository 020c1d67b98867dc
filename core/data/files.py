"""Reads tables: CSV, Parquet, JSONL or a Hugging Face dataset, as raw records with their place. Knows no column."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from core.cache import is_full_disk, links
from core.data.bounds import MOST_OF_A_RECORD, watched
from core.data.example import DataError, named, place, reason
from core.files import demand_ordinary, is_lfs_pointer
from core.machine.gpus import memory

MOST_OF_A_BATCH = 64
"""Rows of Parquet that are unfolded at once."""
BYTES_OF_AN_ITEM = 8
"""Of a list, however small what it holds."""

PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")
SAVED, SAVED_SPLITS = "state.json", "dataset_dict.json"
"""What datasets' save_to_disk leaves in a folder: of a data set, and of several that are called its splits."""
TRAIN = "train"
HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")

Record = dict[str, Any]


def read_records(source: str) -> Iterator[tuple[int, Record]]:
    """Each record of `source` with the line it begins on (in Parquet and datasets: its number), from 1.

    A file is read as it is iterated. Raises DataError for what is no such table, for a record that is too long to be
    one, and where memory runs out.
    """
    return watched(source, _records_of(source))


def _records_of(source: str) -> Iterator[tuple[int, Record]]:
    path = Path(source)
    if path.is_dir():  # whatever it is called: Spark writes folders named x.parquet
        return _dataset(source)
    if path.exists():
        try:
            demand_ordinary(path)
        except OSError as error:
            raise DataError(f"{source}: {error.strerror}") from None
    if path.is_file() and is_lfs_pointer(path):
        raise DataError(f"{source}: a pointer of Git LFS, not the file itself: git lfs pull in its folder fetches it")
    match path.suffix.lower():
        case ".csv":
            return _text(path, _csv)
        case ".jsonl" | ".ndjson":
            return _text(path, _jsonl)
        case ".parquet":
            return _parquet(path)
        case suffix if suffix in PACKED and path.is_file():
            raise DataError(f"{source}: packed; unpack it, and name the .csv, .parquet or .jsonl file that is in it")
        case _ if path.is_file():
            raise DataError(f"{source}: not a .csv, .parquet or .jsonl file")
    return _dataset(source)


def _text(path: Path, parse: Any) -> Iterator[tuple[int, Record]]:
    try:
        yield from parse(path)
    except UnicodeDecodeError:
        raise DataError(f"{place(path, _undecodable_line(path))}: not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _csv(path: Path) -> Iterator[tuple[int, Record]]:
    # The csv module, not pyarrow's reader: it knows the line of each record when cells hold line breaks.
    # The module's own limit of 131,072 characters is too low: one conversation can be long.
    csv.field_size_limit(MOST_OF_A_RECORD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(path, file)
        reader = csv.reader(lines, strict=True)
        begins = 1
        try:
            header = next(reader, None)
            if header is None:
                raise DataError(f"{path}: the file is empty")
            if len(set(header)) != len(header):
                raise DataError(f"{place(path, 1)}: a column name stands there twice: {named(header)}")
            begins = reader.line_num + 1
            lines.begin_record()
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise DataError(
                        f"{place(path, begins)}: {len(cells)} cells under {len(header)} columns; "
                        "is a quote missing or a comma too many?"
                    )
                if cells:
                    yield begins, dict(zip(header, cells, strict=True))
                begins = reader.line_num + 1
                lines.begin_record()
        except csv.Error as error:
            raise DataError(f"{place(path, begins)}: not CSV: {error}") from None


def _jsonl(path: Path) -> Iterator[tuple[int, Record]]:
    with path.open(encoding="utf-8-sig") as file:
        lines = _Lines(path, file)
        for line, text in enumerate(lines, 1):
            lines.begin_record()
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place(path, line)}: not JSON: {error}") from None
            if not isinstance(record, dict):
                raise DataError(f"{place(path, line)}: a JSON object is needed, found {type(record).__name__}")
            yield line, record


class _Lines:
    """The lines of a text file. Raises DataError once those since `begin_record` are too long for a record."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self._read = 0
        self.begin_record()

    def begin_record(self) -> None:
        self._begins = self._read + 1
        self._left = MOST_OF_A_RECORD

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._left + 1)
        if not line:
            raise StopIteration
        self._read += 1
        self._left -= len(line)
        if self._left < 0:
            raise DataError(
                f"{place(self._path, self._begins)}: a record of more than {MOST_OF_A_RECORD >> 20} MiB begins here; "
                "is a quote or a line break missing, or is this another kind of file?"
            )
        return line


def _parquet(path: Path) -> Iterator[tuple[int, Record]]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if len(set(names)) != len(names):
                raise DataError(f"{path}: a column name stands there twice: {named(names)}")
            number = 0
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(_rows_at_once(path, file.metadata, group), row_groups=[group]):
                    for record in _records(path, number, batch):
                        number += 1
                        yield number, record
    except pyarrow.ArrowException as error:
        raise DataError(f"{path}: not a readable Parquet file: {reason(error)}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or reason(error)}") from None


def _rows_at_once(path: Path, metadata: Any, group: int) -> int:
    """How many rows of a row group memory can hold though each be as large as the whole group is written: rows that are
    alike are written once. Raises DataError where it is not even one."""
    about = metadata.row_group(group)
    columns = [about.column(number) for number in range(about.num_columns)]
    items = sum(column.num_values for column in columns if column.num_values > about.num_rows)
    largest = max(1, about.total_byte_size, *(column.total_uncompressed_size for column in columns))
    largest += BYTES_OF_AN_ITEM * items
    free, _ = memory()
    if largest > free // 2:
        raise DataError(
            f"{path}: its row group {group + 1} unfolds to {largest / 2**30:,.1f} GiB, of which memory has "
            f"{free / 2**30:,.1f} free and twice as much is needed: write smaller row groups (row_group_size)"
        )
    return max(1, min(MOST_OF_A_BATCH, free // (4 * int(largest))))


def _records(path: Path, before: int, batch: Any) -> list[Record]:
    """The rows of a pyarrow.RecordBatch, `before` of which have been read. Raises DataError for a cell that Python
    cannot hold: text that is not UTF-8, a time out of range."""
    try:
        records: list[Record] = batch.to_pylist()
    except (ValueError, OverflowError):
        for row in range(batch.num_rows):
            for column in batch.schema.names:
                try:
                    batch.column(column)[row].as_py()
                except (ValueError, OverflowError) as error:
                    where = place(path, before + row + 1, column=column)
                    raise DataError(f"{where}: cannot be read: {reason(error)}") from None
        raise
    return records


def _dataset(source: str) -> Iterator[tuple[int, Record]]:
    folder = Path(source)
    if not HUB_ID.fullmatch(source) and not folder.is_dir():
        raise DataError(f"{source}: no such file, and not a Hugging Face dataset id (owner/name)")
    import datasets

    try:
        rows = _saved(folder) if _is_saved(folder) else datasets.load_dataset(source, split=TRAIN)
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


def _undecodable_line(path: Path) -> int:
    with path.open("rb") as file:
        for line, content in enumerate(iter(lambda: file.readline(8 * MOST_OF_A_RECORD), b""), 1):
            try:
                content.decode()
            except UnicodeDecodeError:
                return line
    return 1
