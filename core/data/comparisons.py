"""What a row says under a format: prompt, both answers, and who won. Knows no file."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.data import cells
from core.data.cells import Kind, Messages, Turns, messages, printed_turns, rounds, text_in
from core.data.example import UNLABELLED, shown
from core.data.formats import Format
from core.data.labels import Probabilities, halved_tie, without_tie
from core.outcomes import A_WINS, B_WINS, TIE
from core.profile.data_settings import Columns, Data, Winners

Record = Mapping[str, Any]
PREFERENCES = range(-3, 4)
"""HelpSteer's: below 0 the first answer is better."""
MOST_OFF = 1e-3
"""That the probabilities of a row may be off 1 in all, as numbers written with few digits are."""


class Comparison(Struct, frozen=True):
    """`label` is that of an outcome, UNLABELLED where nothing says who won, and None for a row to be left out."""

    prompt: Turns
    response_a: Turns
    response_b: Turns
    label: int | None
    weight: float
    probabilities: Probabilities | None
    """Of the outcomes; None unless they are to be trained on."""


class Refused(ValueError):
    """A cell that is not as its format has it, and its column; "" where it is the row as a whole."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column or ""


def compared(record: Record, format: Format, data: Data) -> Comparison:
    """Raises Refused."""
    columns = format.columns
    assert columns.response_a and columns.response_b
    probabilities = probabilities_in(record, columns) if format.verdict == "probabilities" else None
    label = _label_of(record, format, data.winners)
    weight = _weight(record, format, data)
    if "list" in format.kinds[0] or format.kinds == ("text", "text", "text"):
        named = (columns.prompt, columns.response_a, columns.response_b)
        prompt, a, b = (_turns(record, name or "", kind) for name, kind in zip(named, format.kinds, strict=True))
    else:
        prompt, a = _rounds(record, columns.prompt, columns.response_a, format.kinds[0], format.kinds[1])
        other, b = _rounds(record, columns.prompt, columns.response_b, format.kinds[0], format.kinds[2])
        if prompt != other:
            place = next((n for n, (one, two) in enumerate(zip(prompt, other, strict=False)) if one != two), None)
            turn = f"turn {place + 1} of the user differs" if place is not None else "the number of turns differs"
            raise Refused("", f"{turn} between {columns.response_a} and {columns.response_b}")
    if format.verdict == "chosen" and _drawn(prompt, a, b, (A_WINS, B_WINS)) == B_WINS:
        return Comparison(prompt, b, a, B_WINS, weight, None)
    if probabilities is None:
        return Comparison(prompt, a, b, label, weight, None)
    highest = [outcome for outcome, probability in enumerate(probabilities) if probability == max(probabilities)]
    if len(highest) > 1 and not data.soft_labels:
        numbers = ", ".join(f"{probability:.4g}" for probability in probabilities)
        raise Refused("", f"no outcome is the most probable: {numbers}; data.soft_labels = true trains on all of them")
    label = _drawn(prompt, a, b, highest)
    return Comparison(prompt, a, b, label, weight, probabilities if data.soft_labels else None)


def halved(found: Comparison, *, is_soft: bool) -> Comparison:
    """A tie counts as a win: of B in half of all rows, and always the same in the same row. Where it is soft, it counts
    as half a win of both in training."""
    is_tie = found.label == TIE
    label = _drawn(found.prompt, found.response_a, found.response_b, (A_WINS, B_WINS)) if is_tie else found.label
    probabilities = found.probabilities or ((0.0, 0.0, 1.0) if is_tie and is_soft else None)
    return replace(found, label=label, probabilities=probabilities and halved_tie(probabilities))


def decided(found: Comparison) -> Comparison:
    """One that is no tie, and cannot be one."""
    return replace(found, probabilities=found.probabilities and without_tie(found.probabilities))


def _weight(record: Record, format: Format, data: Data) -> float:
    columns = format.columns
    if data.weight_by_strength and format.verdict == "preference":
        return max(1.0, abs(float(record[columns.winner or ""])))
    if columns.weight is None:
        return 1.0
    cell = _cell(record, columns.weight)
    weight = cells.number(cell)
    if weight is None or weight < 0:
        raise Refused(columns.weight, f"expected a weight, a number of 0 or more, found {shown(cell)}")
    return abs(weight)  # -0.0 too


def _label_of(record: Record, format: Format, winners: Winners) -> int | None:
    """Who won by the columns that say so; None where probabilities do. Raises Refused."""
    columns = format.columns
    match format.verdict:
        case "none":
            return UNLABELLED
        case "probabilities":
            return None
        case "chosen":
            return A_WINS
        case "winner":
            return _by_word(record.get(columns.winner or ""), columns.winner, winners)
        case "preference":
            return _by_preference(record.get(columns.winner or ""), columns.winner)
        case "flags":
            return _by_flags(record, [columns.winner_a, columns.winner_b, columns.winner_tie])


def _cell(record: Record, column: str) -> Any:
    """A null is a cell too; a JSON object may lack the key, which no text stands for."""
    if column not in record:
        raise Refused(column, "this row has no such column")
    return record[column]


def _turns(record: Record, column: str, kind: Kind) -> Turns:
    cell = _cell(record, column)
    try:
        match kind:
            case "text":
                return (text_in(cell),)
            case "printed list of turns":
                with suppress(ValueError):  # ["it's"] is printed so, and is JSON
                    return cells.turns(cell)
                return printed_turns(cell)
            case _:
                return cells.turns(cell)
    except ValueError as error:
        raise Refused(column, str(error)) from None


def _rounds(record: Record, prompt: str | None, answer: str, of_prompt: Kind, of_answer: Kind) -> tuple[Turns, Turns]:
    """The user's turns, and the answers of one side."""
    before: Messages = _messages(record, prompt, of_prompt, cells.USER) if prompt else []
    conversation = before + _messages(record, answer, of_answer, cells.ASSISTANT)
    try:
        return rounds(conversation)
    except ValueError as error:
        raise Refused(answer, str(error)) from None


def _messages(record: Record, column: str, kind: Kind, role: str) -> Messages:
    """Those of a cell; a text is one message of this role."""
    cell = _cell(record, column)
    try:
        return [(role, text_in(cell))] if kind == "text" else messages(cell)
    except ValueError as error:
        raise Refused(column, str(error)) from None


def _by_word(cell: Any, column: str | None, winners: Winners) -> int | None:
    word = "" if cell is None or cell != cell else _word(cell)
    if word in map(_word, winners.drop):  # first, so that a value which has a meaning by default can be dropped
        return None
    for label, words in enumerate((winners.a, winners.b, winners.tie)):
        if word in map(_word, words):
            return label
    known = ", ".join((*winners.a, *winners.b, *winners.tie, *winners.drop))
    raise Refused(column, f"expected one of {known}, found {shown(cell)}; [data.winners] names others")


def _word(cell: Any) -> str:
    """A value as [data.winners] may name it: 1 for 1.0, without capitals and spaces around it."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip().casefold()


def _by_preference(cell: Any, column: str | None) -> int:
    number = cells.number(cell)
    if number is None or number not in PREFERENCES:
        raise Refused(column, f"expected a whole number from -3 to 3, found {shown(cell)}")
    return A_WINS if number < 0 else B_WINS if number > 0 else TIE


def _by_flags(record: Record, columns: Sequence[str | None]) -> int:
    flags = []
    for column in columns:
        flag = cells.flag(record.get(column)) if column else 0
        if flag is None:
            raise Refused(column, f"expected 0 or 1, found {shown(record.get(column or ''))}")
        flags.append(flag)
    if sum(flags) != 1:
        found = " and ".join(column for column, flag in zip(columns, flags, strict=True) if flag and column) or "none"
        raise Refused("", f"exactly one of {', '.join(filter(None, columns))} must be 1, found {found}")
    return flags.index(1)


def probabilities_in(record: Record, columns: Columns) -> Probabilities:
    """Scaled to sum to 1. Raises Refused where they are off by more than numbers written with few digits are."""
    named = (columns.probability_a, columns.probability_b, columns.probability_tie)
    numbers = []
    for column in named:
        cell = record.get(column) if column else 0.0
        number = cells.number(cell)
        if number is None or not 0 <= number <= 1:
            raise Refused(column, f"expected a probability, found {shown(cell)}")
        numbers.append(number)
    total = sum(numbers)
    if abs(total - 1) > MOST_OFF:
        raise Refused("", f"{', '.join(filter(None, named))} must sum to 1, found {total:.4g}")
    a, b, tie = (number / total for number in numbers)
    return a, b, tie


def _drawn(prompt: Turns, first: Turns, second: Turns, labels: Sequence[int]) -> int:
    """One of `labels` by a hash of the row: each for as many rows, and always the same for the same row."""
    if len(labels) == 1:
        return labels[0]
    written = "\0\0".join("\0".join(turn or "" for turn in part) for part in (prompt, first, second))
    digest = hashlib.blake2b(written.encode(errors="surrogatepass"), digest_size=1).digest()
    return labels[digest[0] % len(labels)]
