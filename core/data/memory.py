"""Watches records as they are read: one may be endless, and all of them more than memory holds."""

from collections.abc import Iterator
from typing import Any

from core.data.example import DataError, place
from core.machine.gpus import memory

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
        length = sum(len(cell) for cell in record.values() if isinstance(cell, str | bytes))
        if length > MOST_OF_A_RECORD:
            raise DataError(f"{place(source, line)}: a record of more than {MOST_OF_A_RECORD >> 20} MiB")
        rows, text = rows + 1, text + length
        if rows >= ROWS_BETWEEN_LOOKS or text >= TEXT_BETWEEN_LOOKS:
            rows = text = 0
            free, _ = memory()
            if free < LEAST_FREE:
                raise DataError(
                    f"{place(source, line)}: memory is nearly used up, {free >> 20} MiB are free: take fewer rows "
                    "(data.limit), or end what else uses it"
                )
        yield line, record
