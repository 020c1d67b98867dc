"""The rows of an inspection in figures: their tokens by part, and what may be wrong with them. No text."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import Struct, structs
from numpy.typing import NDArray
from pyarrow import parquet

from core.data.shape import ROW_BITS, Counts, Shape
from core.inspect.flaws import Flaws

FLAGS = [field.name for field in structs.fields(Flaws)]
"""Columns of the file, named as the fields of Flaws."""


class Rows(Struct, frozen=True):
    """n rows in the order of the file: arrays of shape (n,), and `flags`, one array for each field of Flaws."""

    id: Counts
    label: Counts
    prompt_key: Counts
    flags: dict[str, NDArray[np.int64]]
    shape: Shape

    def __len__(self) -> int:
        return len(self.id)


def read_rows(path: Path) -> Rows:
    """The figures of all rows, without their text."""
    columns = ["id", "label", "prompt_key", "tags", "rounds", "inside", *FLAGS]
    table = parquet.read_table(path, columns=columns).combine_chunks()
    round_counts = table["rounds"].combine_chunks().value_lengths().to_numpy()
    rounds = _flat(table["rounds"]).flatten()
    inside_counts = table["inside"].combine_chunks().value_lengths().to_numpy()
    row_of_round = np.repeat(np.arange(len(table)), round_counts)
    in_rounds = rounds.to_numpy().astype(np.int64).reshape(-1, 3)
    through = np.concatenate([np.zeros((1, 3), dtype=np.int64), np.cumsum(in_rounds, axis=0)])
    last = np.cumsum(round_counts)
    return Rows(
        id=table["id"].to_numpy(),
        label=table["label"].to_numpy().astype(np.int64),
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
