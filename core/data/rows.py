"""Examples from a source of rows, each cell checked: what its tables were taken for, and what was left out. Knows no
tokens and no split."""

from collections.abc import Iterator
from itertools import chain, groupby, islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.data.cells import Turns, encodable, id_in, without_lone_surrogates
from core.data.comparisons import Comparison, Refused, compared, decided, halved
from core.data.example import UNLABELLED, DataError, Example, Id, RowsRead, place
from core.data.files import Record, read_records, said_of
from core.data.formats import Format, format_of
from core.data.labels import Probabilities, soft_labels_of, weights_of
from core.outcomes import TIE, OutcomesSetting
from core.profile.data_settings import Data

PEEKED = 64
"""Rows of a file by which its format is told: the first cells of a column may be empty."""


class Origin(Struct, frozen=True):
    """What a row held beside its example: who wrote A and B, None where it does not say; and prompt, A and B with nulls
    and lone surrogates as they were written."""

    model_a: str | None
    model_b: str | None
    parts: tuple[Turns, Turns, Turns]
    is_tie: bool = False
    """As it was written: its label is another where ties are halved."""


def read_comparisons(source: str, data: Data, outcomes: OutcomesSetting) -> list[Example]:
    """The rows of `source`, which may lack all columns that say who won: then all are UNLABELLED, as those are that
    a training leaves out, and ties of two outcomes unless they are halved. Raises DataError."""
    return [example for example, _ in Comparisons(source, data, outcomes, may_lack_labels=True)]


class Used:
    """The rows of a source that are used: how many, how many of them are ties, and how they count in training."""

    def __init__(self) -> None:
        self.rows = self.ties = 0
        self.weights: list[float] = []
        self.probabilities: list[Probabilities] = []

    def add(self, example: Example, origin: Origin) -> None:
        self.rows += 1
        self.ties += origin.is_tie
        self.weights.append(example.weight)
        if example.probabilities:
            self.probabilities.append(example.probabilities)


Seen = dict[Id, tuple[str, int]]
"""The file and the line of each id."""


class Comparisons:
    """The rows of `source` one by one. `format` is known with the first of them, `records` counts what was read, and
    `left_out` those whose winner is one of data.winners.drop. Where `outcomes` are two, ties become of what data.ties
    says. Raises DataError at a bad one, and for no rows.
    """

    def __init__(
        self,
        source: str,
        data: Data,
        outcomes: OutcomesSetting,
        *,
        may_lack_labels: bool = False,
        most: int | None = None,
        before: int = 0,
        seen: Seen | None = None,
    ) -> None:
        """`most` rows are wanted, all by default. `before` records of other sources were read, in which the ids of
        `seen` stood, to which those of this one are added."""
        self.source = source
        self.format: Format | None = None
        self.records = self.left_out = self.ties = 0
        self.used = Used()
        self._outcomes = outcomes
        self._data = data
        self._may_lack_labels = may_lack_labels
        self._most = most
        self._before = before
        self._seen: Seen = {} if seen is None else seen

    def __iter__(self) -> Iterator[tuple[Example, Origin]]:
        for file, rows in groupby(read_records(self.source), key=lambda row: row.file):
            first = list(islice(rows, PEEKED if self._most is None else min(PEEKED, self._most)))
            self.format = self._same_format(file, [row.record for row in first])
            for _, line, record in chain(first, rows):
                if self.used.rows == self._most:
                    return
                found = self._example(file, line, record, self.format)
                self.records += 1
                if found is None:
                    continue
                self._demand_new(found[0].id, file, line, self.format)
                self.used.add(*found)
                yield found
        if not self.used.rows:
            by = " and ".join(["data.winners.drop"] * bool(self.left_out) + ["data.ties"] * bool(self.ties))
            dropped = f": all {self.left_out + self.ties:,} are left out by {by}" if by else ""
            raise DataError(f"{self.source}: no rows{dropped}")

    def told(self, used: Used | None = None) -> RowsRead:
        """Of what has been read, the rows that are used, all by default. Raises DataError, and OSError."""
        if self.format is None:
            return RowsRead(self.source, 0, said_of(self.source), "", "")
        ties = self.ties if used is None else used.ties
        used = used or self.used
        outcomes, why = self.format.outcomes(ties)
        if self._outcomes != "auto":
            outcomes, why = self._outcomes, "model.outcomes"
        elif ties and self._data.ties != "error":
            why += '; data.ties counts with model.outcomes = "a-b"'
        of_two, are_halved = self._outcomes == "a-b", self._data.ties == "half"
        return RowsRead(
            source=self.source,
            rows=used.rows,
            files=said_of(self.source),
            format=self.format.name,
            how=self.format.how,
            left_out=self.left_out,
            outcomes=outcomes,
            why=why,
            ties_dropped=self.ties if of_two and not are_halved else 0,
            ties_halved=ties if of_two and are_halved else 0,
            weights=weights_of(used.weights) if self._data.is_weighted and used.rows else None,
            soft_labels=soft_labels_of(used.probabilities) if self._data.soft_labels else None,
        )

    def _same_format(self, file: str, first: list[Record]) -> Format:
        """Raises DataError for a file that is in another format than those before it."""
        found = format_of(file, first, self._data, may_lack_labels=self._may_lack_labels)
        if self.format not in (None, found):
            raise DataError(
                f"{file}: {found}, and the files before it: {self.format}; one source has one format, and data.train "
                "may be a list of sources"
            )
        return found

    def _demand_new(self, id: Id, file: str, line: int, format: Format) -> None:
        if before := self._seen.get(id):
            where = f"on line {before[1]}" if before[0] == file else f"in {place(*before)}"
            numbered = "" if format.columns.id else "; rows without ids are numbered, through all sources"
            raise DataError(f"{place(file, line, id=id)}: this id is already {where}; ids must be unique{numbered}")
        self._seen[id] = file, line

    def _example(self, file: str, line: int, record: Record, format: Format) -> tuple[Example, Origin] | None:
        column = format.columns.id
        try:
            id = id_in(record.get(column)) if column else self._before + self.records
        except ValueError as error:
            raise DataError(f"{place(file, line, column=column)}: {error}") from None
        try:
            found = compared(record, format, self._data)
        except Refused as error:
            raise DataError(f"{place(file, line, id=id, column=error.column or None)}: {error}") from None
        is_tie = found.label == TIE
        self.left_out += found.label is None
        self.ties += is_tie
        if self._outcomes == "a-b":
            found = self._of_two(found, place(file, line, id=id))
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
        example = Example(
            index=self.used.rows,
            id=id,
            prompt=prompt,
            response_a=response_a,
            response_b=response_b,
            label=label,
            weight=found.weight,
            probabilities=found.probabilities,
        )
        return example, Origin(models[0], models[1], raw, is_tie=is_tie)

    def _of_two(self, found: Comparison, where: str) -> Comparison:
        """What becomes of a comparison where there are two outcomes: a tie may be left out. Raises DataError."""
        is_tie = found.label == TIE
        match self._data.ties:
            case "half":
                return halved(found, is_soft=self._data.soft_labels)
            case "error" if is_tie and not self._may_lack_labels:
                raise DataError(
                    f'{where}: a tie, and model.outcomes is "a-b": data.ties = "drop" leaves ties out, "half" counts '
                    'each as a win of A or of B, and model.outcomes = "a-b-tie" takes three outcomes'
                )
        return replace(found, label=None) if is_tie else decided(found)


def _name(cell: Any) -> str | None:
    return None if cell is None else str(encodable(cell))
