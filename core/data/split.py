"""Divides examples into training and evaluation rows."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.example import DataError, Example, Id
from core.profile import settings

Number = TypeVar("Number", int, NDArray[np.int64])


def split(examples: Sequence[Example], chosen: settings.Split) -> tuple[list[Example], list[Example]]:
    """Training and evaluation rows, both in the order of the file; all are training rows where nothing is split.

    Raises DataError where one side would be empty.
    """
    if chosen.by == "none":
        return list(examples), []
    train = [example for example in examples if fold_of(example, chosen) != chosen.fold]
    evaluation = [example for example in examples if fold_of(example, chosen) == chosen.fold]
    if not (train and evaluation):
        side = "evaluation" if train else "training"
        raise DataError(
            f"split by {chosen.by} leaves no {side} rows: {len(examples)} rows, fold {chosen.fold} of "
            f"{chosen.n_splits}; change split.n_splits, split.fold or data.limit"
        )
    return train, evaluation


def fold_of(example: Example, chosen: settings.Split) -> int:
    """The fold an example belongs to. Equal prompts share a fold under `by = "prompt"` alone."""
    return fold(example.index, id_key(example.id), prompt_key(example.prompt), chosen)


def fold(index: Number, id: Number, prompt: Number, chosen: settings.Split) -> Number:
    """The fold of a row, or of each row where these are arrays: its number, the keys of its id and of its prompt."""
    match chosen.by:
        case "row":
            return index % chosen.n_splits
        case "id":
            return id % chosen.n_splits
        case "prompt":
            return prompt % chosen.n_splits
        case "none":
            raise ValueError("there are no folds")


def prompt_key(prompt: Sequence[str]) -> int:
    """A number below 2**63 that equal prompts share."""
    return _key("\0".join(prompt))


def id_key(id: Id) -> int:
    """The id itself where it is a number, else a number below 2**63 made of it."""
    return id if isinstance(id, int) else _key(id)


def _key(text: str) -> int:
    """Python's own hash differs between processes."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
