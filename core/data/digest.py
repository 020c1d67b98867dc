"""Tells rows in their order from others: by their ids, their labels, and what the model is shown of them."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.data.tokens import Encoded
from core.runs.events import RowsDigest


def rows_digest(rows: Sequence[Encoded]) -> RowsDigest:
    """Digests of the ids, the labels and the token ids of `rows`, row by row."""
    ids = np.array([row.example.id for row in rows], dtype=np.int64)
    labels = np.array([row.example.label for row in rows], dtype=np.int8)
    lengths = np.array([len(row.ids) for row in rows], dtype=np.int32)
    return RowsDigest(
        ids=_digest([ids]), labels=_digest([labels]), tokens=_digest([lengths, *(row.ids for row in rows)])
    )


def _digest(arrays: Iterable[NDArray[np.integer]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()
