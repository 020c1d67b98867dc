"""Examples from a source of rows, each cell checked: what its tables were taken for, and what was left out. Knows no
tokens and no split."""

from collections.abc import Iterator
from itertools import chain, groupby, islice
from typing import Any

from msgspec import Struct

from core.data.cells import Turns, encodable, id_in, without_lone_surrogates
from core.data.comparisons import Refused, compared
from core.data.example import UNLABELLED, DataError, Example, Id, RowsRead, place
from core.data.files import Record, read_records, said_of
from core.data.formats import Format, format_of
from core.profile.data_settings import Data

PEEKED = 64
"""Rows of a file by which its format is told: the first cells of a column may be empty."""


class Origin(Struct, frozen=True):
    """What a row held beside its example: who wrote A and B, None where it does not say; and prompt, A and B with nulls
    and lone surrogates as they were written."""

    model_a: str | None
    model_b: str | None
    parts: tuple[Turns, Turns, Turns]


def read_examples(source: str, data: Data) -> tuple[list[Example], RowsRead]:
    """The labelled rows of `source`, as `data` says, and what it was taken for. Raises DataError at the first bad one,
    and OSError."""
    comparisons = Comparisons(source, data)
    return [example for example, _ in comparisons], comparisons.told()


def read_comparisons(source: str, data: Data) -> list[Example]:
    """The rows of `source`, which may lack all columns that say who won: then all are UNLABELLED, as those are that
    data.winners.drop leaves out of a training. Raises DataError."""
    return [example for example, _ in Comparisons(source, data, may_lack_labels=True)]


class Comparisons:
    """The rows of `source` one by one, at most data.limit of them. `format` is known with the first of them, and
    `left_out` counts those whose winner is one of data.winners.drop. Raises DataError at a bad one, and for no rows.
    """

    def __init__(self, source: str, data: Data, *, may_lack_labels: bool = False) -> None:
        self.format: Format | None = None
        self.left_out = 0
        self._source = source
        self._data = data
        self._may_lack_labels = may_lack_labels

    def __iter__(self) -> Iterator[tuple[Example, Origin]]:
        limit = self._data.limit
        seen: dict[Id, tuple[str, int]] = {}
        number = count = 0
        for file, rows in groupby(read_records(self._source), key=lambda row: row.file):
            first = list(islice(rows, PEEKED if limit is None else min(PEEKED, limit)))
            self.format = self._same_format(file, [row.record for row in first])
            for _, line, record in chain(first, rows):
                if count == limit:
                    return
                found = self._example(file, line, number, count, record, self.format)
                number += 1
                if found is None:
                    self.left_out += 1
                    continue
                example, origin = found
                if before := seen.get(example.id):
                    where = f"on line {before[1]}" if before[0] == file else f"in {place(*before)}"
                    raise DataError(
                        f"{place(file, line, id=example.id)}: this id is already {where}; ids must be unique"
                    )
                seen[example.id] = file, line
                count += 1
                yield example, origin
        if not count:
            dropped = f": all {self.left_out:,} are left out by data.winners.drop" if self.left_out else ""
            raise DataError(f"{self._source}: no rows{dropped}")

    def told(self) -> RowsRead:
        """Of what has been read, one row at least. Raises DataError, and OSError."""
        assert self.format is not None
        return RowsRead(said_of(self._source), self.format.name, self.format.how, self.left_out)

    def _same_format(self, file: str, first: list[Record]) -> Format:
        """Raises DataError for a file that is in another format than those before it."""
        found = format_of(file, first, self._data, may_lack_labels=self._may_lack_labels)
        if self.format not in (None, found):
            raise DataError(f"{file}: {found}, and the files before it: {self.format}; one source has one format")
        return found

    def _example(
        self, file: str, line: int, number: int, index: int, record: Record, format: Format
    ) -> tuple[Example, Origin] | None:
        column = format.columns.id
        try:
            id = id_in(record.get(column)) if column else number
        except ValueError as error:
            raise DataError(f"{place(file, line, column=column)}: {error}") from None
        try:
            found = compared(record, format, self._data.winners)
        except Refused as error:
            raise DataError(f"{place(file, line, id=id, column=error.column or None)}: {error}") from None
        label = found.label
        if label is None and self._may_lack_labels:
            label = UNLABELLED  # to be answered all the same
        if label is None:
            return None
        raw = found.prompt, found.response_a, found.response_b
        prompt, response_a, response_b = (
            tuple("" if turn is None else without_lone_surrogates(turn) for turn in part) for part in raw
        )
        models = [_name(record.get(of)) if of else None for of in (format.columns.model_a, format.columns.model_b)]
        example = Example(index=index, id=id, prompt=prompt, response_a=response_a, response_b=response_b, label=label)
        return example, Origin(models[0], models[1], raw)


def _name(cell: Any) -> str | None:
    return None if cell is None else str(encodable(cell))
