"""Scores a batch in halves where memory runs out, down to single rows. Knows no model and no worker."""

import gc
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.example import LABELS
from core.score.batches import batches
from core.train.advice import explain, ran_out_of_memory

Logits = NDArray[np.float32]


class NoRoomForOne(Exception):
    """A single row is too much: its number in the batch, and what ran out in words."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row
        self.why = why


class Halves:
    """Token ids to logits by `logits_of`, which takes and gives whole batches, at most `most_tokens` at once with
    their padding. Once memory has run out that is less, for all that comes."""

    def __init__(self, logits_of: Callable[[list[list[int]]], Logits], most_tokens: int) -> None:
        self.most_tokens = most_tokens
        self._logits_of = logits_of

    def logits(self, ids: list[list[int]]) -> Logits:
        """Logits of rows of token ids, shape (rows, 3). Raises NoRoomForOne, and what else `logits_of` raises."""
        lengths = [len(row) for row in ids]
        answered = np.empty((len(ids), len(LABELS)), dtype=np.float32)
        waiting = set(range(len(ids)))
        while waiting:
            rows = batches(lengths, sorted(waiting), self.most_tokens)[0].rows
            part = self._try([ids[row] for row in rows])
            if not isinstance(part, str):
                answered[rows] = part
                waiting -= set(rows)
            elif len(rows) > 1:
                self.most_tokens = lengths[rows[0]] * -(-len(rows) // 2)
            else:
                raise NoRoomForOne(rows[0], part)
        return answered

    def _try(self, ids: list[list[int]]) -> Logits | str:
        """Logits, or in words that memory ran out. The error holds what was computed so far: it must not live on."""
        try:
            return self._logits_of(ids)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            why = explain(error).cause
        gc.collect()
        torch.cuda.empty_cache()
        return why
