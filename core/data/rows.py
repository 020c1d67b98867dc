"""Examples from records in the Kaggle schema, each cell checked. Knows no tokens and no split."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from core.data.example import PARTS, UNLABELLED, DataError, Example, named, place, shown
from core.data.files import Record, Row, read_records

WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")
INT64 = range(-(2**63), 2**63)
MOST_DIGITS = 30
"""More than any id has: a number may be written in a few characters and have millions of them."""


def read_examples(source: str, limit: int | None = None) -> list[Example]:
    """The labelled rows of `source`, at most `limit`. Raises DataError at the first bad one."""
    return [example for example, _ in iterate_examples(source, limit)]


def read_comparisons(source: str) -> list[Example]:
    """The rows of `source`, which may lack all three winner columns: then all are UNLABELLED. Raises DataError."""
    return [example for example, _ in iterate_examples(source, may_lack_labels=True)]


def iterate_examples(
    source: str, limit: int | None = None, *, may_lack_labels: bool = False
) -> Iterator[tuple[Example, Record]]:
    """The same one by one, each with the record it was read from, in which no text but that of prompt and responses
    holds lone surrogates. Raises DataError at a bad one, and for no rows.
    """
    lines: dict[int, int] = {}
    winners: tuple[str, ...] = WINNERS
    for index, (file, line, record) in enumerate(_first(limit, read_records(source))):
        if index == 0:
            winners = () if may_lack_labels and not set(WINNERS) & set(record) else WINNERS
            _check_columns(file, record, ("id", *PARTS, *winners))
        example = _example(file, index, line, record, is_labelled=bool(winners))
        if example.id in lines:
            where = place(file, line, id=example.id)
            raise DataError(f"{where}: this id stands on line {lines[example.id]} already; ids must be unique")
        lines[example.id] = line
        yield example, {column: cell if column in PARTS else _encodable(cell) for column, cell in record.items()}
    if not lines:
        raise DataError(f"{source}: no rows")


def _first(limit: int | None, records: Iterator[Row]) -> Iterator[Row]:
    for count, record in enumerate(records):
        if count == limit:
            return
        yield record


def _check_columns(source: str, record: Record, needed: tuple[str, ...]) -> None:
    missing = [column for column in needed if column not in record]
    if missing:
        raise DataError(f"{source}: no column {', '.join(missing)}; found {named(record)}")


def _example(source: str, index: int, line: int, record: Record, *, is_labelled: bool) -> Example:
    id = id_of(source, line, record.get("id"))
    parts = {}
    for column in PARTS:
        try:
            parts[column] = turns(record.get(column))
        except ValueError as error:
            raise DataError(f"{place(source, line, id=id, column=column)}: {error}") from None
    label = _label(source, line, id, record) if is_labelled else UNLABELLED
    return Example(index=index, id=id, label=label, **parts)


def id_of(source: str, line: int, cell: Any) -> int:
    """The id in a cell, a whole number of 64 bits, in text as it would be written again. Raises DataError."""
    where = place(source, line, column="id")
    if cell is None or cell == "" or cell != cell:  # NaN, which pandas writes where an id is missing
        raise DataError(f"{where}: the id is missing")
    number = _whole(cell)
    if number is None or number not in INT64:
        raise DataError(f"{where}: a whole number of 64 bits is needed, found {shown(cell)}")
    if isinstance(cell, float | Decimal):
        raise DataError(
            f"{where}: {shown(cell)} would come back as {number}, and ids of more than 15 digits have lost some that "
            "way; write the column as whole numbers (int64)"
        )
    if isinstance(cell, str) and cell.strip() != str(number):
        raise DataError(f"{where}: {shown(cell)} would come back as {number}; write ids that way")
    return number


def _whole(cell: Any) -> int | None:
    """The whole number that a cell means, however it is written; None where it means none."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal | str):
        return None
    try:
        number = Decimal(cell)
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() > MOST_DIGITS or number != number.to_integral_value():
        return None
    return int(number)


def _label(source: str, line: int, id: int, record: Record) -> int:
    flags = []
    for column in WINNERS:
        flag = _flag(record.get(column))
        if flag is None:
            where = place(source, line, id=id, column=column)
            raise DataError(f"{where}: 0 or 1 is needed, found {shown(record.get(column))}")
        flags.append(flag)
    if sum(flags) != 1:
        found = "none" if not sum(flags) else " and ".join(c for c, f in zip(WINNERS, flags, strict=True) if f)
        where = place(source, line, id=id)
        raise DataError(f"{where}: exactly one of {', '.join(WINNERS)} must be 1, found {found}")
    return flags.index(1)


def _flag(cell: Any) -> int | None:
    """0 or 1, as a number or a truth value, in text or not: formats differ in which they keep."""
    text = str(cell).strip().lower()
    if text in ("true", "false"):
        return int(text == "true")
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number in (0, 1) else None


def turns(cell: Any) -> tuple[str, ...]:
    """The turns in a cell: JSON text of a list of strings or nulls, or such a list itself.

    Decoded as JSON, never evaluated. Surrogate pairs become one character, lone surrogates U+FFFD.
    Raises ValueError saying what was found instead.
    """
    value = cell
    if isinstance(cell, str):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            raise ValueError(f"a JSON list of strings or nulls is needed, found {shown(cell)}") from None
    if not isinstance(value, list):
        raise ValueError(f"a JSON list of strings or nulls is needed, found {shown(cell)}")
    for number, item in enumerate(value, 1):
        if not isinstance(item, str | None):
            raise ValueError(f"item {number} of the list must be a string or null, found {shown(item)}")
    return tuple("" if item is None else _without_lone_surrogates(item) for item in value)


def _without_lone_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _encodable(cell: Any) -> Any:
    """What can be written again: a text without lone surrogates."""
    if isinstance(cell, str):
        try:
            cell.encode()
        except UnicodeEncodeError:
            return _without_lone_surrogates(cell)
    return cell
