"""What a line of JSON asks about: a prompt and two answers, as texts, lists of turns or messages. Knows no model."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from core.data.bounds import MOST_OF_A_RECORD
from core.data.cells import Kind, id_in, kind_of, without_lone_surrogates
from core.data.comparisons import Refused, compared
from core.data.example import PARTS, UNLABELLED, Example, Id, named, reason
from core.data.formats import USUAL, Format
from core.profile.data_settings import Data

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Each line that holds something, with its number from 1; None for one that is too long, whose rest is skipped."""
    number = 0
    while line := source.readline(MOST_OF_A_RECORD + 1):
        number += 1
        is_whole = len(line) <= MOST_OF_A_RECORD
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = source.readline(MOST_OF_A_RECORD)
        if line.strip():
            yield number, line if is_whole else None


def read_object(line: bytes | None) -> dict[str, Any]:
    """The JSON object in a line, as `read_lines` gives it. Raises Refused."""
    if line is None:
        raise Refused("", f"a line of more than {MOST_OF_A_RECORD >> 20} MiB")
    try:
        found = json.loads(line.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as error:
        raise Refused("", f"not JSON: {reason(error)}") from None
    if not isinstance(found, dict):
        raise Refused("", f"expected a JSON object, found {type(found).__name__}")
    return found


def read_id(record: dict[str, Any]) -> Id | None:
    """What the line is told by; None where it says nothing. Raises Refused."""
    if record.get("id") is None:
        return None
    try:
        return id_in(record["id"])
    except ValueError as error:
        raise Refused("id", str(error)) from None


def read_comparison(record: dict[str, Any]) -> Example:
    """The comparison of a line, whatever it says of winners. Raises Refused."""
    if missing := [part for part in PARTS if part not in record]:
        raise Refused(
            "", f"{named(missing)} {'is' if len(missing) == 1 else 'are'} missing; found {named(record) or 'nothing'}"
        )
    found = compared(record, Format("columns", USUAL, _kinds(record), "none"), Data())
    prompt, response_a, response_b = (
        tuple(without_lone_surrogates(turn or "") for turn in part)
        for part in (found.prompt, found.response_a, found.response_b)
    )
    return Example(index=0, id=0, prompt=prompt, response_a=response_a, response_b=response_b, label=UNLABELLED)


def _kinds(record: dict[str, Any]) -> tuple[Kind, Kind, Kind]:
    """How prompt, A and B are kept. A text is a text, whatever it looks like, unless all three hold lists, as those of
    the competition's file do: then they are read as that is."""
    cells = [record[part] for part in PARTS]
    kinds = [kind_of([cell]) for cell in cells]
    are_written_lists = "text" not in kinds and all(isinstance(cell, str) for cell in cells)
    of_prompt, of_a, of_b = (
        "list of turns" if cell == [] else kind if are_written_lists or isinstance(cell, list) else "text"
        for cell, kind in zip(cells, kinds, strict=True)
    )
    return of_prompt, of_a, of_b
