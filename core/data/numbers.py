"""Reads a Parquet table of numbers, as of a run's evaluation: a file of kilobytes may unfold to gigabytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow
from pyarrow import parquet, types

MOST_ROWS = 5_000_000
"""A hundred times as many as the largest set of comparisons has."""
MOST_COLUMNS = 100


def read_numbers(source: Path | BinaryIO, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """The table, or some of its columns. Raises OSError, and ArrowException where it holds anything but numbers and
    truth values, or more of them than any run."""
    with parquet.ParquetFile(source) as file:
        found = file.metadata
        rows = max(found.num_rows, sum(found.row_group(group).num_rows for group in range(found.num_row_groups)))
        if rows > MOST_ROWS or len(file.schema_arrow) > MOST_COLUMNS:
            told = f"{rows:,} rows of {len(file.schema_arrow):,} columns, where at most {MOST_ROWS:,} of {MOST_COLUMNS}"
            raise pyarrow.ArrowInvalid(f"{told} are read")
        for field in file.schema_arrow:
            if not (types.is_integer(field.type) or types.is_floating(field.type) or types.is_boolean(field.type)):
                raise pyarrow.ArrowInvalid(f"the column {field.name[:80]!r} holds {field.type}, not numbers")
        return file.read(columns=columns)
