"""Reads the run's data file again, by id: what the evaluation rows and the training rows hold. Knows no prediction."""

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from core.data.example import DataError, Example, Id
from core.data.rows import Comparisons, Origin
from core.profile.data_settings import Data
from core.report.evaluation import Counts, Evaluation

ROWS_A_WORD = 2048
"""Between two words of how far the reading is."""


class Texts(Struct, frozen=True, kw_only=True):
    """Arrays are of the evaluation's rows, (n,) or (n, 3), with 0 where the file does not have a row any more."""

    found: dict[Id, tuple[Example, Origin]]
    """The evaluation rows by id, each with what it held beside."""
    is_known: Counts
    characters: Counts
    turns: Counts
    train_characters: Counts
    """Of all other rows of the file, (m, 3)."""
    train_label: Counts
    cautions: list[str]


def read_texts(source: str, data: Data, evaluation: Evaluation, tell: Callable[[int], None]) -> Texts:
    """Find the evaluation's rows in `source`; `tell` hears every now and then how many rows have been read.

    Raises DataError where the file is missing, has a bad row, or holds none of them.
    """
    place = {id: number for number, id in enumerate(evaluation.id)}
    found: dict[Id, tuple[Example, Origin]] = {}
    known, characters = np.zeros(len(evaluation), dtype=np.int64), np.zeros((len(evaluation), 3), dtype=np.int64)
    turns, relabelled = np.zeros(len(evaluation), dtype=np.int64), 0
    train_characters: list[tuple[int, int, int]] = []
    train_label: list[int] = []
    left_out = set(evaluation.not_finite)
    for number, (example, origin) in enumerate(Comparisons(source, data, evaluation.outcomes.name), 1):
        if number % ROWS_A_WORD == 0:
            tell(number)
        if example.id in place:
            row = place[example.id]
            found[example.id] = (example, origin)
            known[row], characters[row], turns[row] = 1, _characters(example), len(example.prompt)
            relabelled += example.label != evaluation.label[row]
        elif example.id not in left_out:
            train_characters.append(_characters(example))
            train_label.append(example.label)
    if not found:
        raise DataError(f"{source}: none of the {len(evaluation):,} evaluation rows is in it")
    cautions = []
    if missing := len(evaluation) - len(found):
        cautions.append(f"{source} has changed: {missing:,} of the evaluation rows are not in it any more")
    if relabelled:
        cautions.append(f"{source} has changed: {relabelled:,} evaluation rows have another winner there now")
    return Texts(
        found=found,
        is_known=known,
        characters=characters,
        turns=turns,
        train_characters=np.array(train_characters, dtype=np.int64).reshape(-1, 3),
        train_label=np.array(train_label, dtype=np.int64),
        cautions=cautions,
    )


def chatbots(texts: Texts, evaluation: Evaluation) -> list[tuple[str, str] | None]:
    """Which chatbots wrote A and B of each evaluation row, where the file says it."""
    return [chatbots_of(texts.found[id][1]) if id in texts.found else None for id in evaluation.id]


def chatbots_of(origin: Origin) -> tuple[str, str] | None:
    """The same of one row."""
    first, second = origin.model_a, origin.model_b
    return None if first is None or second is None else (first, second)


def _characters(example: Example) -> tuple[int, int, int]:
    prompt, a, b = (sum(map(len, turns)) for turns in (example.prompt, example.response_a, example.response_b))
    return prompt, a, b
