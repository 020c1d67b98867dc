"""How long rows are, what an epoch holds, and what padding wastes."""

import numpy as np
from msgspec import Struct

from core.data.shape import Counts

PERCENTILES = (50, 75, 90, 95, 99, 100)


class Lengths(Struct, frozen=True, kw_only=True):
    """Tokens of rows before anything is cut, BOS and EOS included."""

    mean: float
    percentiles: dict[int, int]
    """The length that so many percent of the rows do not exceed."""


class Epoch(Struct, frozen=True, kw_only=True):
    """One pass over the training rows, as they are shown."""

    rows: int
    effective_tokens: int
    """Tokens without padding."""
    longest: int
    padding_share: float
    """The share of padding in all that is computed, rows in random order, each batch padded to its longest."""


def lengths(full: Counts) -> Lengths:
    """`full` has the shape (n,)."""
    return Lengths(
        mean=float(full.mean()),
        percentiles={p: int(np.percentile(full, p, method="inverted_cdf")) for p in PERCENTILES},
    )


def epoch(shown: Counts, *, batch_size: int, seed: int) -> Epoch:
    """`shown`, of shape (rows,), are the training rows' lengths. One random order stands for all: `seed` draws it."""
    order = np.random.default_rng(seed).permutation(shown)
    batches = [order[: len(order) // batch_size * batch_size].reshape(-1, batch_size)]
    rest = order[len(order) // batch_size * batch_size :]
    computed = int(batches[0].max(axis=1, initial=0).sum()) * batch_size + int(rest.max(initial=0)) * len(rest)
    effective = int(shown.sum())
    return Epoch(
        rows=len(shown),
        effective_tokens=effective,
        longest=int(shown.max(initial=0)),
        padding_share=1 - effective / computed if computed else 0.0,
    )


def histogram(full: Counts, *, most: int, bins: int) -> Counts:
    """Rows by length, in `bins` equal steps from 0 to `most`; longer rows fall into the last."""
    return np.bincount(np.minimum(full * bins // max(1, most), bins - 1), minlength=bins)
