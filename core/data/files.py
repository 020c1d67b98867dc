"""Reads tables: CSV, Parquet, JSONL or a Hugging Face dataset, as raw records with their place. Knows no column."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.data.errors import DataError, place
from core.files import is_lfs_pointer

# One conversation can be long; the csv module's own limit of 131,072 characters is not enough.
LONGEST_CELL = 2**31 - 1

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")
"""Of files that can be read."""

Record = dict[str, Any]


def read_records(source: str) -> Iterator[tuple[int, Record]]:
    """Each record of `source` with the line it begins on (in Parquet and datasets: its number), from 1.

    A file is read as it is iterated. Raises DataError for what is no such table.
    """
    path = Path(source)
    if path.is_file() and is_lfs_pointer(path):
        raise DataError(f"{source}: a pointer of Git LFS, not the file itself: git lfs pull in its folder fetches it")
    match path.suffix.lower():
        case ".csv":
            return _text(path, _csv)
        case ".jsonl" | ".ndjson":
            return _text(path, _jsonl)
        case ".parquet":
            return _parquet(path)
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
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        begins = 1
        try:
            header = next(reader, None)
            if header is None:
                raise DataError(f"{path}: the file is empty")
            if len(set(header)) != len(header):
                raise DataError(f"{place(path, 1)}: a column name stands there twice: {', '.join(header)}")
            begins = reader.line_num + 1
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise DataError(
                        f"{place(path, begins)}: {len(cells)} cells under {len(header)} columns; "
                        "is a quote missing or a comma too many?"
                    )
                if cells:
                    yield begins, dict(zip(header, cells, strict=True))
                begins = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{place(path, begins)}: not CSV: {error}") from None


def _jsonl(path: Path) -> Iterator[tuple[int, Record]]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place(path, line)}: not JSON: {error}") from None
            if not isinstance(record, dict):
                raise DataError(f"{place(path, line)}: a JSON object is needed, found {type(record).__name__}")
            yield line, record


def _parquet(path: Path) -> Iterator[tuple[int, Record]]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable Parquet file: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _dataset(source: str) -> Iterator[tuple[int, Record]]:
    if "/" not in source and not Path(source).is_dir():
        raise DataError(f"{source}: no such file, and not a Hugging Face dataset id (owner/name)")
    import datasets

    try:
        rows = datasets.load_dataset(source, split="train")
    except Exception as error:
        raise DataError(f"{source}: no such file, and no dataset could be loaded: {error}") from error
    yield from enumerate(rows, 1)


def _undecodable_line(path: Path) -> int:
    with path.open("rb") as file:
        for line, content in enumerate(file, 1):
            try:
                content.decode()
            except UnicodeDecodeError:
                return line
    return 1
