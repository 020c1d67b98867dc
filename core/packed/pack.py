"""Joins examples of any length into one row without padding. Knows no model."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

TILES = (64, 128)
"""Sizes of the tiles that attention kernels divide each example's queries into."""
KEY_TILE = 64
"""The same of its keys."""


class Pack(NamedTuple):
    """Where the examples of a packed row lie; `tokens` and `examples` are its counts. All tensors on one device."""

    positions: torch.Tensor
    """(tokens,) int32: place of each token in its example, from 0."""
    bounds: torch.Tensor
    """(examples + 1,) int32: where each example begins, and where the last one ends."""
    tiles: dict[int, torch.Tensor]
    """By size, (tiles, 3) int32: where a tile begins, and where its example begins and ends. None crosses examples.

    Those with most to compute come first, so that the last to be started are short."""
    key_tiles: torch.Tensor
    """The same of size KEY_TILE, by what there is to compute for a tile of keys."""
    last: torch.Tensor
    """(examples,) int64: the last token of each example."""


def pack(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """What the Trainer's collator returns for `rows` of `input_ids` and `labels`.

    `labels` come first: the Trainer takes the first tensor's length for the number of examples.
    """
    lengths = np.array([len(row["input_ids"]) for row in rows], dtype=np.int64)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    positions = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
    return {
        "labels": torch.tensor([row["labels"] for row in rows]),
        "input_ids": torch.from_numpy(np.concatenate([row["input_ids"] for row in rows]).astype(np.int64)),
        "attention_mask": torch.ones(int(bounds[-1]), dtype=torch.int8),  # the Trainer counts tokens by it
        "positions": torch.from_numpy(positions.astype(np.int32)),
        "bounds": torch.from_numpy(bounds.astype(np.int32)),
        "last": torch.from_numpy(bounds[1:] - 1),
        "key_tiles": torch.from_numpy(_tiles(bounds, KEY_TILE, lambda tile: tile[2] - tile[0])),
        **{f"tiles_{size}": torch.from_numpy(_tiles(bounds, size, lambda tile: tile[0] - tile[1])) for size in TILES},
    }


def unpack(inputs: dict[str, torch.Tensor]) -> Pack:
    """The same as a Pack."""
    return Pack(
        positions=inputs["positions"],
        bounds=inputs["bounds"],
        tiles={size: inputs[f"tiles_{size}"] for size in TILES},
        key_tiles=inputs["key_tiles"],
        last=inputs["last"],
    )


def _tiles(bounds: NDArray[np.int64], size: int, work: Callable[[tuple[int, int, int]], int]) -> NDArray[np.int32]:
    tiles = [
        (first, begin, end) for begin, end in itertools.pairwise(bounds.tolist()) for first in range(begin, end, size)
    ]
    return np.array(sorted(tiles, key=work, reverse=True), dtype=np.int32)


class PackedBatches:
    """Batch sampler for scoring: consecutive rows, as many as have at most `tokens` tokens together."""

    def __init__(self, lengths: Sequence[int], tokens: int) -> None:
        self._batches: list[list[int]] = []
        held = 0
        for number, length in enumerate(lengths):
            if not self._batches or held + length > tokens:
                self._batches.append([])
                held = 0
            self._batches[-1].append(number)
            held += length

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)
