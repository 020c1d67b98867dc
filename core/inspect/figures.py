"""The rows of an inspection in figures: their tokens by part, how long they are, what an epoch holds. No text."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import Struct, structs
from numpy.typing import NDArray
from pyarrow import compute, parquet

from core.data.cells import Turns
from core.data.example import Example
from core.data.shape import ROW_BITS, Counts, Shape

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


def flaws(example: Example, written: Sequence[Turns]) -> Flaws:
    """Looks at `example` and at its parts as they were `written`."""
    _, answer_a, answer_b = texts = [" ".join(turns) for turns in _turns(example)]
    return Flaws(
        nulls=sum(part.count(None) for part in written),
        is_replaced=any(REPLACEMENT in text for text in texts) and any(map(_had_lone_surrogate, written)),
        has_control=any(_CONTROL.search(text) is not None for text in texts),
        is_identical=answer_a == answer_b,
        is_empty=not (answer_a.strip() and answer_b.strip()),
    )


def _turns(example: Example) -> tuple[tuple[str, ...], ...]:
    return example.prompt, example.response_a, example.response_b


def _had_lone_surrogate(written: Turns) -> bool:
    return any(_LONE_SURROGATE.search(turn) for turn in written if turn is not None)


FLAGS = [field.name for field in structs.fields(Flaws)]
"""Columns of the file, named as the fields of Flaws."""


class Rows(Struct, frozen=True):
    """n rows in the order of the file: arrays of shape (n,), and `flags`, one array for each field of Flaws."""

    id: NDArray[np.object_]
    """As texts."""
    longest_id: int
    """Characters."""
    id_key: Counts
    label: Counts
    of_eval: NDArray[np.bool_]
    """Whether it is one of data.eval; those of data.train stand before."""
    prompt_key: Counts
    flags: dict[str, NDArray[np.int64]]
    shape: Shape

    def __len__(self) -> int:
        return len(self.id)


def read_rows(path: Path) -> Rows:
    """The figures of all rows, without their text."""
    columns = ["id", "id_key", "label", "of_eval", "prompt_key", "tags", "rounds", "inside", *FLAGS]
    with parquet.ParquetFile(path) as file:  # read_table imports what data sets of many files take: half as long again
        table = file.read(columns).combine_chunks()
    round_counts = table["rounds"].combine_chunks().value_lengths().to_numpy()
    rounds = _flat(table["rounds"]).flatten()
    inside_counts = table["inside"].combine_chunks().value_lengths().to_numpy()
    row_of_round = np.repeat(np.arange(len(table)), round_counts)
    in_rounds = rounds.to_numpy().astype(np.int64).reshape(-1, 3)
    through = np.concatenate([np.zeros((1, 3), dtype=np.int64), np.cumsum(in_rounds, axis=0)])
    last = np.cumsum(round_counts)
    return Rows(
        id=table["id"].to_numpy(),
        longest_id=compute.max(compute.utf8_length(table["id"])).as_py() or 0,
        id_key=table["id_key"].to_numpy(),
        label=table["label"].to_numpy().astype(np.int64),
        of_eval=table["of_eval"].to_numpy(),
        prompt_key=table["prompt_key"].to_numpy(),
        flags={flag: table[flag].to_numpy().astype(np.int64) for flag in FLAGS},
        shape=Shape(
            tags=_flat(table["tags"]).to_numpy().astype(np.int64).reshape(-1, 3),
            parts=through[last] - through[last - round_counts],
            rounds=in_rounds,
            round_row=row_of_round,
            round_counts=round_counts.astype(np.int64),
            inside=(np.repeat(np.arange(len(table)), inside_counts) << ROW_BITS)
            + _flat(table["inside"]).to_numpy().astype(np.int64),
        ),
    )


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().flatten()


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
