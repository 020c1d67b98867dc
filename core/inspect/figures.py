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


BESIDE = "b_"
"""Before the names of the columns of the sequence with B, where answers are read apart; else these are null."""
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
    shapes: tuple[Shape, ...]
    """Of each sequence that a row is read as: one; or, where answers are read apart, one with A and one with B, which
    is the A of that one."""

    def __len__(self) -> int:
        return len(self.id)

    @property
    def parts(self) -> Counts:
        """Tokens of prompt, A and B, (n, 3)."""
        return by_part([shape.parts for shape in self.shapes])

    @property
    def total(self) -> Counts:
        """Tokens of each row's longest sequence, (n,)."""
        total: Counts = np.max([shape.total for shape in self.shapes], axis=0)
        return total


def by_part(of_sequences: Sequence[Counts]) -> Counts:
    """Counts of tokens of prompt, A and B, (n, 3), of those of each sequence. Of the prompt, which both sequences have
    where answers are read apart, the smaller one."""
    if len(of_sequences) == 1:
        return of_sequences[0]
    of_a, of_b = of_sequences
    return np.stack([np.minimum(of_a[:, 0], of_b[:, 0]), of_a[:, 1], of_b[:, 1]], axis=1)


def read_rows(path: Path) -> Rows:
    """The figures of all rows, without their text."""
    of_shape = ("outer", "tags", "rounds", "inside")
    columns = ["id", "id_key", "label", "of_eval", "prompt_key", "by_round", *of_shape, *FLAGS]
    columns += [f"{BESIDE}{name}" for name in of_shape]
    with parquet.ParquetFile(path) as file:  # read_table imports what data sets of many files take: half as long again
        table = file.read(columns).combine_chunks()
    is_apart = table[f"{BESIDE}outer"].null_count < len(table)
    return Rows(
        id=table["id"].to_numpy(),
        longest_id=compute.max(compute.utf8_length(table["id"])).as_py() or 0,
        id_key=table["id_key"].to_numpy(),
        label=table["label"].to_numpy().astype(np.int64),
        of_eval=table["of_eval"].to_numpy(),
        prompt_key=table["prompt_key"].to_numpy(),
        flags={flag: table[flag].to_numpy().astype(np.int64) for flag in FLAGS},
        shapes=tuple(_shape(table, which) for which in (("", BESIDE) if is_apart else ("",))),
    )


def _shape(table: pa.Table, which: str) -> Shape:
    """That of the sequence whose columns' names begin with `which`."""
    outer, rounds, inside = (table[f"{which}{name}"].combine_chunks() for name in ("outer", "rounds", "inside"))
    round_counts = rounds.value_lengths().to_numpy()
    inside_counts = inside.value_lengths().to_numpy()
    tags, in_rounds = (
        _flat(table[f"{which}{name}"]).flatten().to_numpy().astype(np.int64).reshape(-1, 3)
        for name in ("tags", "rounds")
    )
    through = np.concatenate([np.zeros((1, 3), dtype=np.int64), np.cumsum(in_rounds, axis=0)])
    last = np.cumsum(round_counts)
    return Shape(
        outer=outer.flatten().to_numpy().astype(np.int64).reshape(-1, 2),
        tags=tags,
        parts=through[last] - through[last - round_counts],
        rounds=in_rounds,
        round_row=np.repeat(np.arange(len(table)), round_counts),
        round_counts=round_counts.astype(np.int64),
        inside=(np.repeat(np.arange(len(table)), inside_counts) << ROW_BITS)
        + inside.flatten().to_numpy().astype(np.int64),
        by_round=table["by_round"][0].as_py(),
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
    """`shown`, of shape (rows, sequences), are the lengths of the sequences that each training row is read as. One
    random order stands for all: `seed` draws it."""
    order = np.random.default_rng(seed).permutation(shown)
    at_once = batch_size * shown.shape[1]
    batches = order[: len(order) // batch_size * batch_size].reshape(-1, at_once)
    rest = order[len(order) // batch_size * batch_size :]
    computed = int(batches.max(axis=1, initial=0).sum()) * at_once + int(rest.max(initial=0)) * rest.size
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
