"""The formats in which people keep comparisons, told by the columns of a table and the first of their cells."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from core.data.cells import Kind, kind_of
from core.data.example import DataError, named
from core.outcomes import OutcomesName
from core.profile.data_settings import Columns, Data, DataFormat

Record = Mapping[str, Any]
Verdict = Literal["none", "flags", "winner", "probabilities", "preference", "chosen"]

KNOWN: dict[DataFormat, set[str]] = {
    "lmsys": {"prompt", "response_a", "response_b"},
    "arena": {"conversation_a", "conversation_b"},
    "chosen-rejected": {"chosen", "rejected"},
    "helpsteer": {"response1", "response2"},
}
"""Columns by which a format is told; wsdm has those of lmsys."""
USUAL = Columns(id="id", prompt="prompt", response_a="response_a", response_b="response_b")
MODELS = {"model_a": "model_a", "model_b": "model_b"}
FLAGS = {"winner_a": "winner_model_a", "winner_b": "winner_model_b", "winner_tie": "winner_tie"}
TRAINED_ON = "trained_on"
"""The column of soft labels that tells whether a run that they are of was trained on the row."""
PROBABILITIES = {name: name for name in ("probability_a", "probability_b", "probability_tie")}
SAID: dict[Verdict, str] = {
    "none": "no winners",
    "flags": "a column for each winner",
    "winner": "a column that names the winner",
    "probabilities": "probabilities, of which the highest is the label",
    "preference": "a preference, below 0 for the first answer",
    "chosen": "the chosen answer is A or B by a hash of the row",
}


class Format(Struct, frozen=True):
    """What a table was taken for: the columns that are read, how the cells of prompt, A and B are kept, and where a row
    says who won. Without a column of prompts they stand in the conversations."""

    name: DataFormat
    columns: Columns
    kinds: tuple[Kind, Kind, Kind]
    verdict: Verdict

    @property
    def how(self) -> str:
        """How cells are kept and winners told."""
        return f"{' and '.join(dict.fromkeys(self.kinds))}; {SAID[self.verdict]}"

    def __str__(self) -> str:
        return f"{self.name} ({self.how})"

    def outcomes(self, ties: int) -> tuple[OutcomesName, str]:
        """What can come of the comparisons of a table of which so many are ties, and why: three, unless the format has
        no place for a tie and no row says one. A column of ties is a place, whatever stands in it."""
        match self.verdict:
            case "chosen":
                return "a-b", "chosen and rejected know no tie"
            case "winner" | "preference" if not ties:
                return "a-b", "no row read is a tie"
            case "winner" | "preference":
                return "a-b-tie", f"{ties:,} rows are ties" if ties > 1 else "1 row is a tie"
            case "flags":
                column = self.columns.winner_tie
            case "probabilities":
                column = self.columns.probability_tie
            case "none":
                column = None
        return ("a-b-tie", f"{column} is a column") if column else ("a-b", "no column is of ties")


def format_of(source: str, first: Sequence[Record], data: Data, *, may_lack_labels: bool) -> Format:
    """The format of a table that begins with these records, at least one of them.

    Raises DataError where it fits none or two, and where columns are missing.
    """
    found = list(dict.fromkeys(chain.from_iterable(first)))
    name = _name(source, found, first, data)
    columns = data.columns if name == "columns" else _columns(name, found)
    verdict = _verdict(name, columns, found, is_demanded=name == "columns" and not may_lack_labels)
    needed = [columns.prompt, columns.response_a, columns.response_b]
    winners = [] if verdict == "none" and may_lack_labels else _of_the_winner(name, columns, verdict)
    if may_lack_labels:  # who wrote an answer is for reports
        absent = [name for name in MODELS if getattr(columns, name) not in found]
        columns = replace(columns, **dict.fromkeys(absent))
    columns = replace(columns, weight=None if may_lack_labels else data.columns.weight)
    others = [columns.id, columns.model_a, columns.model_b, columns.weight]
    missing = [column for column in dict.fromkeys((*needed, *winners, *others)) if column and column not in found]
    if missing:
        hint = "" if name == "columns" else "; [data.columns] names the columns of another table"
        raise DataError(f"{source}: no column {', '.join(missing)}; found {named(found)}{hint}")
    if not (columns.response_a and columns.response_b):
        raise DataError(f"{source}: data.columns must name response_a and response_b; found {named(found)}")
    if data.weight_by_strength and name != "helpsteer" and not may_lack_labels:
        raise DataError(f"{source}: data.weight_by_strength is for preferences of format helpsteer, and this is {name}")
    if data.weight_by_strength and columns.weight:
        raise DataError(f"{source}: data.weight_by_strength and data.columns.weight both say what rows weigh")
    if verdict == "none" and not may_lack_labels:
        raise DataError(f"{source}: data.columns names no column that says who won: winner, or winner_a and winner_b")
    kinds = {column: kind_of(record.get(column) for record in first) for column in needed if column}
    if name == "wsdm" and (data.format == "wsdm" or len(set(kinds.values())) > 1):  # a text may look like a list
        kinds = dict.fromkeys(kinds, "text")
    of_a, of_b = kinds[columns.response_a], kinds[columns.response_b]
    if columns.prompt is None or "conversation" in (of_a, of_b):
        if (of_a, of_b) != ("conversation", "conversation"):
            where = f"{columns.response_a} holds a {of_a} and {columns.response_b} a {of_b}"
            raise DataError(f"{source}: without prompts both answers must be conversations, and {where}")
        return Format(name, replace(columns, prompt=None), ("conversation", of_a, of_b), verdict)
    of_prompt = kinds[columns.prompt]
    if name == "lmsys":
        printed: Kind = "printed list of turns"
        of_prompt, of_a, of_b = (kind if kind == printed else "list of turns" for kind in kinds.values())
    return Format(name, columns, (of_prompt, of_a, of_b), verdict)


def _name(source: str, found: Collection[str], first: Sequence[Record], data: Data) -> DataFormat:
    is_named = replace(data.columns, weight=None) != Columns()
    if is_named and data.format not in ("auto", "columns"):
        raise DataError(f"{source}: data.format is {data.format}, which takes no data.columns: take one of them out")
    if data.format != "auto":
        return data.format
    if is_named:
        return "columns"
    fitting = [name for name, needed in KNOWN.items() if needed <= set(found)]
    if len(fitting) > 1:
        raise DataError(f"{source}: fits {' and '.join(fitting)}: say which with data.format")
    name: DataFormat = fitting[0] if fitting else max(KNOWN, key=lambda known: len(KNOWN[known] & set(found)))
    if name != "lmsys" or not fitting:
        return name
    told = [columns for columns in (["winner"], list(FLAGS.values()), list(PROBABILITIES)) if set(columns) & set(found)]
    if len(told) > 1:
        both = " and ".join(", ".join(column for column in columns if column in found) for columns in told)
        raise DataError(f"{source}: {both} both say who won: [data.columns] names those that count")
    if told:
        return "wsdm" if told == [["winner"]] else "lmsys"
    return "wsdm" if kind_of(record.get("prompt") for record in first) == "text" else "lmsys"


def _columns(name: DataFormat, found: Collection[str]) -> Columns:
    """Those of a known format, as far as a table may lack them: only if it has them."""
    match name:
        case "arena":
            columns = Columns(
                id="question_id" if "question_id" in found else "id",
                response_a="conversation_a",
                response_b="conversation_b",
                winner="winner",
            )
        case "chosen-rejected":
            prompt = "prompt" if "prompt" in found else None
            columns = Columns(id="id", prompt=prompt, response_a="chosen", response_b="rejected")
        case "helpsteer":
            columns = Columns(
                id="id",
                prompt="context" if "context" in found else "prompt",
                response_a="response1",
                response_b="response2",
                winner="overall_preference",
            )
        case "wsdm":
            columns = replace(USUAL, winner="winner")
        case _:
            columns = replace(USUAL, **(PROBABILITIES if set(PROBABILITIES) & set(found) else FLAGS))
    columns = replace(columns, id=columns.id if columns.id in found else None)
    return replace(columns, **{name: column for name, column in MODELS.items() if column in found})


def _verdict(name: DataFormat, columns: Columns, found: Collection[str], *, is_demanded: bool) -> Verdict:
    """Where a row says who won; "none" where a table has none of these columns, unless they must be there."""

    def there(*wanted: str | None) -> bool:
        return any(column is not None and (is_demanded or column in found) for column in wanted)

    if name == "chosen-rejected":
        return "chosen"
    if there(columns.winner):
        return "preference" if name == "helpsteer" else "winner"
    if there(columns.winner_a, columns.winner_b, columns.winner_tie):
        return "flags"
    if there(columns.probability_a, columns.probability_b, columns.probability_tie):
        return "probabilities"
    return "none"


def _of_the_winner(name: DataFormat, columns: Columns, verdict: Verdict) -> list[str | None]:
    flags = [columns.winner_a, columns.winner_b, columns.winner_tie]
    probabilities = [columns.probability_a, columns.probability_b, columns.probability_tie]
    return {
        "winner": [columns.winner],
        "preference": [columns.winner],
        "flags": flags,
        "probabilities": probabilities,
        "chosen": [],
        "none": [columns.winner, *flags, *probabilities] if name != "columns" else [],
    }[verdict]
