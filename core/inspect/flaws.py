"""What may be wrong with a row, told from its record as it was read: reading mends some of it. Knows no tokens."""

import json
import re
from collections.abc import Mapping

from msgspec import Struct

from core.data.example import PARTS, Example

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"


class Flaws(Struct, frozen=True):
    nulls: int
    """Turns that are null."""
    is_replaced: bool
    """Held a lone surrogate, which was replaced."""
    has_control: bool
    """Holds control characters other than tab and line ends."""
    is_identical: bool
    """Both answers are the same text."""
    is_empty: bool
    """An answer is empty, or nothing but white space."""


def flaws(example: Example, record: Mapping[str, object]) -> Flaws:
    """Looks at `example` and at the `record` it was read from."""
    _, answer_a, answer_b = texts = [" ".join(turns) for turns in _turns(example)]
    cells = [record[part] for part in PARTS]
    return Flaws(
        nulls=sum(map(_nulls, cells)),
        is_replaced=any(REPLACEMENT in text for text in texts) and any(map(_had_lone_surrogate, cells)),
        has_control=any(_CONTROL.search(text) is not None for text in texts),
        is_identical=answer_a == answer_b,
        is_empty=not (answer_a.strip() and answer_b.strip()),
    )


def _turns(example: Example) -> tuple[tuple[str, ...], ...]:
    return example.prompt, example.response_a, example.response_b


def _nulls(cell: object) -> int:
    return _items(cell).count(None) if not isinstance(cell, str) or "null" in cell else 0


def _had_lone_surrogate(cell: object) -> bool:
    return any(_LONE_SURROGATE.search(item) for item in _items(cell) if item is not None)


def _items(cell: object) -> list[str | None]:
    """The items of a cell that has been read as a list of strings and nulls before."""
    items: list[str | None] = json.loads(cell) if isinstance(cell, str) else cell  # type: ignore[assignment]
    return items
