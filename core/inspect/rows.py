"""What an inspection keeps of each row, as one Parquet file: its text, its tokens and what may be wrong with it.

Readers take the columns they need: figures need no text, and a row in full needs one group of rows.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import Struct, structs
from numpy.typing import NDArray
from pyarrow import parquet

from core.data.files import Record
from core.data.rows import PARTS, Example
from core.data.shape import ROW_BITS, Counts, Shape
from core.data.split import prompt_key
from core.data.tokens import Whole
from core.inspect.flaws import Flaws, flaws

FLAGS = [field.name for field in structs.fields(Flaws)]
MODELS = ("model_a", "model_b")
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("label", pa.int8()),
        ("prompt_key", pa.int64()),
        *[(column, pa.string()) for column in MODELS],
        *[(part, pa.list_(pa.string())) for part in PARTS],
        ("ids", pa.list_(pa.int32())),
        ("tags", pa.list_(pa.int32(), 3)),
        ("rounds", pa.list_(pa.list_(pa.int32(), 3))),
        ("inside", pa.list_(pa.int32())),
        *[(flag, pa.int32() if flag == "nulls" else pa.bool_()) for flag in FLAGS],
    ]
)


class Rows(Struct, frozen=True):
    """n rows in the order of the file: arrays of shape (n,), and `flags`, one array for each field of Flaws."""

    id: Counts
    label: Counts
    prompt_key: Counts
    flags: dict[str, NDArray[np.int64]]
    shape: Shape

    def __len__(self) -> int:
        return len(self.id)


def as_table(batch: Sequence[tuple[Example, Record]], whole: Whole) -> pa.Table:
    """A batch of rows with their tokens."""
    examples, records = zip(*batch, strict=True)
    shape = whole.shape
    rounds = np.split(shape.rounds, np.cumsum(shape.round_counts)[:-1])
    inside_row = shape.inside >> ROW_BITS
    positions = shape.inside & (1 << ROW_BITS) - 1
    inside = np.split(positions, np.searchsorted(inside_row, np.arange(1, len(shape))))
    found = [flaws(example, record) for example, record in batch]
    return pa.table(
        {
            "id": [row.id for row in examples],
            "label": [row.label for row in examples],
            "prompt_key": [prompt_key(row.prompt) for row in examples],
            **{column: [_name(record.get(column)) for record in records] for column in MODELS},
            "prompt": [row.prompt for row in examples],
            "response_a": [row.response_a for row in examples],
            "response_b": [row.response_b for row in examples],
            "ids": whole.ids,
            "tags": shape.tags.tolist(),
            "rounds": [of_row.tolist() for of_row in rounds],
            "inside": inside,
            **{flag: [structs.asdict(row)[flag] for row in found] for flag in FLAGS},
        },
        schema=SCHEMA,
    )


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


def _name(cell: object) -> str | None:
    return None if cell is None else str(cell)
