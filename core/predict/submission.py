"""The file that is handed in: written, and checked by `python -P -m core.predict.submission FILE TEST`."""

import csv
import io
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from core.data.cells import id_in
from core.data.example import DataError, Id, named, place
from core.data.files import Record, read_records
from core.outcomes import A_B_TIE, A_WINS, B_WINS, Outcomes
from core.predict.protocol import Check
from core.protocol import answer

WINNERS = ("model_a", "model_b")
"""What a submission to the WSDM Cup calls the more probable of both."""


class Form(Struct, frozen=True):
    """What a submission holds, by its columns: a probability for each outcome, or who wins."""

    name: str
    columns: tuple[str, ...]


PROBABILITIES = Form("LMSYS", ("id", *A_B_TIE.winners))
WINNER = Form("WSDM", ("id", "winner"))
FORMS = (PROBABILITIES, WINNER)
ID_COLUMNS = ("id", "question_id")
"""Of rows that were to be answered; without one they are numbered."""
TOLERANCE = 1e-6
SHOWN = 10
"""Rows named for each kind of problem."""


def form_of(sample: str | None, outcomes: Outcomes) -> Form:
    """That of the submission `sample`; else the one that fits the outcomes. Raises DataError where it is none that is
    known, or asks for more than the outcomes tell."""
    if sample is None:
        return PROBABILITIES if outcomes is A_B_TIE else WINNER
    first = next(read_records(sample), None)
    if first is None:
        raise DataError(f"{sample}: no rows, of which the first one tells the columns")
    found = set(first.record)
    form = next((form for form in FORMS if set(form.columns) == found), None)
    if form is None:
        known = " or ".join(f"{', '.join(form.columns)} ({form.name})" for form in FORMS)
        raise DataError(f"{sample}: a submission has the columns {known}; found {named(first.record)}")
    if form is PROBABILITIES and outcomes is not A_B_TIE:
        raise DataError(f"{sample}: has a column for ties, and the run has two outcomes: A or B wins")
    return form


def submission(form: Form, ids: Sequence[Id], probabilities: Sequence[Sequence[float]]) -> bytes:
    """A line a row, probabilities with as many digits as the numbers have."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(form.columns)
    for id, row in zip(ids, probabilities, strict=True):
        writer.writerow([id, *map(repr, row)] if form is PROBABILITIES else [id, WINNERS[row[B_WINS] > row[A_WINS]]])
    return out.getvalue().encode()


def main(arguments: Sequence[str]) -> int:
    """Print what was found, and return the exit code: 0, 1 where something is wrong, 2 for what is no table."""
    file, test = arguments
    try:
        found = check_submission(file, test)
    except DataError as error:
        found = Check(file=file, unreadable=str(error))
    answer(found)
    return 2 if found.unreadable else 1 if found.problems else 0


def check_submission(file: str, test: str) -> Check:
    """Hold `file` against the rows of `test`, whatever else these have.

    Raises DataError for what is no table, and for rows whose ids are not unique.
    """
    wanted: dict[Id, int] = {}
    for number, (_, line, record) in enumerate(read_records(test)):
        column = next((column for column in ID_COLUMNS if column in record), None)
        id = number if column is None else _id(test, line, record, column)
        if id in wanted:
            raise DataError(f"{place(test, line, id=id)}: this id is already on line {wanted[id]}")
        wanted[id] = line
    if not wanted:
        raise DataError(f"{test}: no rows")
    found: list[Id] = []
    seen: dict[Id, int] = {}
    problems = _Problems()
    form = None
    for _, line, record in read_records(file):
        if form is None:
            form = WINNER if WINNER.columns[-1] in record else PROBABILITIES
            if missing := [column for column in form.columns if column not in record]:
                return Check(file=file, rows=0, expected_rows=len(wanted), problems=[_columns(missing, record)])
            if more := [str(column) for column in record if column not in form.columns]:
                problems.add("unexpected columns", *more)
        try:
            id = _id(file, line, record, "id")
        except DataError as error:
            problems.add(
                "ids that are missing or decimal numbers", str(error).partition(": ")[0].removeprefix(f"{file}, ")
            )
            continue
        if id in seen:
            problems.add("duplicate ids", f"{id} (lines {seen[id]} and {line})")
        seen.setdefault(id, line)
        found.append(id)
        for kind, what in _wrong(record) if form is PROBABILITIES else _no_winner(record):
            problems.add(kind, f"{id} ({what})")
    problems.add("ids that are missing", *map(str, (id for id in wanted if id not in seen)))
    problems.add("ids that are not in the rows", *map(str, (id for id in seen if id not in wanted)))
    return Check(file=file, rows=len(found), expected_rows=len(wanted), problems=problems.as_lines())


class _Problems:
    def __init__(self) -> None:
        self._by_kind: dict[str, list[str]] = {}

    def add(self, kind: str, *what: str) -> None:
        if what:
            self._by_kind.setdefault(kind, []).extend(what)

    def as_lines(self) -> list[str]:
        """A line a kind, with the first ones of it."""
        lines = []
        for kind, what in self._by_kind.items():
            more = f" and {len(what) - SHOWN:,} more" if len(what) > SHOWN else ""
            lines.append(f"{kind} ({len(what):,}): {', '.join(what[:SHOWN])}{more}")
        return lines


def _wrong(record: Record) -> Iterator[tuple[str, str]]:
    """Kind and value of what is wrong with the probabilities of a row."""
    numbers = []
    for column in A_B_TIE.winners:
        number = _number(record.get(column))
        if number is None:
            yield "rows with something that is not a number", f"{column} {str(record.get(column))[:40]!r}"
            return
        if not math.isfinite(number):
            yield "rows with a number that is not finite", f"{column} {number}"
            return
        if number < 0:
            yield "rows with a negative number", f"{column} {number}"
        numbers.append(number)
    if abs(sum(numbers) - 1) > TOLERANCE:
        yield "rows that do not sum to 1", f"{sum(numbers):.8g}"


def _no_winner(record: Record) -> Iterator[tuple[str, str]]:
    if (winner := record.get("winner")) not in WINNERS:
        yield f"rows with a winner that is neither {' nor '.join(WINNERS)}", repr(str(winner)[:40])


def _number(cell: Any) -> float | None:
    if isinstance(cell, bool):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _id(source: str, line: int, record: Record, column: str) -> Id:
    try:
        return id_in(record[column])
    except ValueError as error:
        raise DataError(f"{place(source, line, column=column)}: {error}") from None


def _columns(missing: list[str], record: Record) -> str:
    return f"no column {', '.join(missing)}; found {named(record)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
