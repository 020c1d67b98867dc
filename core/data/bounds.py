"""Data that unfolds without bound: tables of numbers, and records as they are read, end before memory does."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from core.data.example import MOST_OF_AN_ID, DataError, place
from core.machine.gpus import memory

if TYPE_CHECKING:
    import pyarrow

MOST_OF_A_RECORD = 16 << 20
"""Characters. The longest conversations have some hundred thousand."""
LEAST_FREE = 256 << 20
"""Bytes; below that other processes of the machine suffer, and the kernel is about to end one of them."""
ROWS_BETWEEN_LOOKS = 1_000
TEXT_BETWEEN_LOOKS = 64 << 20

Record = dict[str, Any]


def watched(source: str, records: Iterator[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
    """The same records. Raises DataError at one that is too long, and where memory is nearly used up meanwhile."""
    rows = text = 0
    for line, record in records:
        length = _length(record)
        if length > MOST_OF_A_RECORD:
            raise DataError(f"{place(source, line)}: a record of more than {MOST_OF_A_RECORD >> 20} MiB")
        rows, text = rows + 1, text + length
        if rows >= ROWS_BETWEEN_LOOKS or text >= TEXT_BETWEEN_LOOKS:
            rows = text = 0
            free, _ = memory()
            if free < LEAST_FREE:
                raise DataError(
                    f"{place(source, line)}: memory is nearly full, {free >> 20} MiB are free: use fewer rows "
                    "(data.limit), or end other programs"
                )
        yield line, record


def _length(cell: Any) -> int:
    """Characters, and bytes, of all that a cell holds."""
    if isinstance(cell, str | bytes):
        return len(cell)
    if isinstance(cell, dict):
        cell = cell.values()
    elif not isinstance(cell, list):
        return 0
    return sum(map(_length, cell))


MOST_ROWS = 5_000_000
"""A hundred times as many as the largest set of comparisons has."""
MOST_COLUMNS = 100
MOST_OF_TEXTS = 256 << 20
"""Characters of all texts in a column; a million UUIDs have 36 million."""


def read_numbers(
    source: Path | BinaryIO, columns: Sequence[str] | None = None, *, texts: str | None = None
) -> "pyarrow.Table":
    """The table, or some of its columns. Raises OSError, and ArrowException where it holds anything but numbers and
    truth values, or more of them than any run. The column `texts` may hold short texts instead.
    """
    import pyarrow  # here: rows as text are read without Arrow
    from pyarrow import compute, parquet, types

    with parquet.ParquetFile(source, read_dictionary=[texts] if texts else None) as file:
        found = file.metadata
        rows = max(found.num_rows, sum(found.row_group(group).num_rows for group in range(found.num_row_groups)))
        if rows > MOST_ROWS or len(file.schema_arrow) > MOST_COLUMNS:
            told = f"{rows:,} rows of {len(file.schema_arrow):,} columns, where at most {MOST_ROWS:,} of {MOST_COLUMNS}"
            raise pyarrow.ArrowInvalid(f"{told} are read")
        for field in file.schema_arrow:
            if field.name == texts and types.is_dictionary(field.type) and types.is_string(field.type.value_type):
                continue  # each different text once, as it is written: none is unfolded before it is known to be short
            if not (types.is_integer(field.type) or types.is_floating(field.type) or types.is_boolean(field.type)):
                raise pyarrow.ArrowInvalid(f"the column {field.name[:80]!r} holds {field.type}, not numbers")
        table = file.read(columns=columns)
    if texts and texts in table.column_names and types.is_dictionary(table[texts].type):
        lengths = (compute.utf8_length(chunk.dictionary) for chunk in table[texts].chunks)
        longest = max((compute.max(length).as_py() or 0 for length in lengths), default=0)
        if longest > MOST_OF_AN_ID:
            raise pyarrow.ArrowInvalid(f"the column {texts!r} holds a text of {longest:,} characters")
        if table[texts].null_count or longest * len(table) > MOST_OF_TEXTS:
            raise pyarrow.ArrowInvalid(f"the column {texts!r} has gaps, or holds more text than any run's rows")
        place = table.column_names.index(texts)
        table = table.set_column(place, texts, table[texts].cast(pyarrow.string()))
    return table
