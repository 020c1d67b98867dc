"""Reads tables that are columns: Parquet and Arrow, a few rows at a time, never more than memory holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.data.example import DataError, named, place, reason
from core.data.packed_files import TableFile, opened
from core.machine.gpus import memory

MOST_OF_A_BATCH = 64
"""Rows that are unfolded at once."""
BYTES_OF_AN_ITEM = 8
"""Of a list, however small what it holds."""

Record = dict[str, Any]


def columnar_records(file: TableFile) -> Iterator[tuple[int, Record]]:
    """Each record with its number, from 1. Raises DataError, and OSError."""
    import pyarrow

    kind = "Parquet" if file.suffix == ".parquet" else "Arrow"
    try:
        source = _unpacked(file) if file.packing else file.path
        number = 0
        for batch in _parquet(file, source) if kind == "Parquet" else _arrow(file, source):
            for first in range(0, batch.num_rows, MOST_OF_A_BATCH):
                for record in _records(file.name, number, batch.slice(first, MOST_OF_A_BATCH)):
                    number += 1
                    yield number, record
    except pyarrow.ArrowException as error:
        raise DataError(f"{file.name}: not a readable {kind} file: {reason(error)}") from None


def _unpacked(file: TableFile) -> Any:
    """The whole file in memory: its end is read first. Raises DataError where it does not fit."""
    import pyarrow

    free, _ = memory()
    with opened(file) as stream:
        content = stream.read(free // 4)
        if stream.read(1):
            raise DataError(f"{file.name}: it does not fit into free memory when unpacked; unpack it on disk")
    return pyarrow.BufferReader(content)


def _arrow(file: TableFile, source: Path | Any) -> Iterator[Any]:
    """Batches of a file, or of a stream, as datasets writes it."""
    import pyarrow

    opened_source = pyarrow.memory_map(str(source)) if isinstance(source, Path) else source
    try:
        reader = pyarrow.ipc.open_file(opened_source)
    except pyarrow.ArrowInvalid:
        opened_source.seek(0)
        reader = pyarrow.ipc.open_stream(opened_source)
        _demand_names_once(file, reader.schema.names)
        yield from reader
        return
    _demand_names_once(file, reader.schema.names)
    yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _parquet(file: TableFile, source: Path | Any) -> Iterator[Any]:
    from pyarrow import parquet

    with parquet.ParquetFile(source) as opened_source:
        _demand_names_once(file, opened_source.schema_arrow.names)
        for group in range(opened_source.num_row_groups):
            at_once = _rows_at_once(file.name, opened_source.metadata, group)
            yield from opened_source.iter_batches(at_once, row_groups=[group])


def _demand_names_once(file: TableFile, names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise DataError(f"{file.name}: duplicate column name: {named(names)}")


def _rows_at_once(name: str, metadata: Any, group: int) -> int:
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
            f"{name}: its row group {group + 1} unpacks to {largest / 2**30:,.1f} GiB and needs twice as much memory, "
            f"of which {free / 2**30:,.1f} GiB are free: write smaller row groups (row_group_size)"
        )
    return max(1, min(MOST_OF_A_BATCH, free // (4 * int(largest))))


def _records(name: str, before: int, batch: Any) -> list[Record]:
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
                    where = place(name, before + row + 1, column=column)
                    raise DataError(f"{where}: cannot be read: {reason(error)}") from None
        raise
    return records
