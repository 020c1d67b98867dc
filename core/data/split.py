"""Divides examples into training and evaluation rows."""

import hashlib
from collections.abc import Sequence

from core.data.errors import DataError
from core.data.rows import Example
from core.profile import settings


def split(examples: Sequence[Example], chosen: settings.Split) -> tuple[list[Example], list[Example]]:
    """Training and evaluation rows, both in the order of the file.

    Raises DataError where one side would be empty.
    """
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
    match chosen.by:
        case "row":
            return example.index % chosen.n_splits
        case "id":
            return example.id % chosen.n_splits
        case "prompt":
            # Python's own hash differs between processes.
            digest = hashlib.blake2b("\0".join(example.prompt).encode(), digest_size=8).digest()
            return int.from_bytes(digest) % chosen.n_splits
