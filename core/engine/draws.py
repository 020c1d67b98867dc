"""What is drawn for an example, its dropout and its order: it follows from seed, step and example. Imports no torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GAMMA, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def draw_keys(seed: int, step: int, rows: Sequence[int]) -> NDArray[np.int64]:
    """A key for each of `rows`, (E,), none negative: of how many there are and in which order changes none.

    `rows` are indices into the training set; all are at least 0. They are mixed as SplitMix64 does (Steele, Lea and
    Flood 2014, "Fast splittable pseudorandom number generators").
    """
    key = _mixed(np.array([seed], dtype=np.uint64))
    key = _mixed(key + np.uint64(step))
    return (_mixed(key + np.array(rows, dtype=np.uint64)) >> np.uint64(1)).astype(np.int64)


def are_drawn(seed: int, epoch: int, ids: Sequence[int]) -> NDArray[np.bool_]:
    """Whether each of `ids`, of 64 bits with a sign, is among the half of them that an epoch draws, (E,)."""
    key = _mixed(_mixed(_mixed(np.array([seed], dtype=np.uint64)) + np.uint64(epoch)))  # one more than for dropout
    return (_mixed(key + np.array(ids, dtype=np.int64).view(np.uint64)) >> np.uint64(63)).astype(np.bool_)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Another number for each, (E,): all of its bits depend on all of theirs."""
    x = x + GAMMA
    x = (x ^ (x >> np.uint64(30))) * FIRST
    x = (x ^ (x >> np.uint64(27))) * SECOND
    return x ^ (x >> np.uint64(31))
