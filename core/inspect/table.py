"""What an inspection keeps of each row, as one Parquet file: its text, its tokens and what may be wrong with it.

Readers take the columns they need: figures need no text, and a row in full needs one group of rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import structs

from core.data.example import MODELS, PARTS, Example
from core.data.rows import Origin
from core.data.shape import ROW_BITS
from core.data.split import id_key, prompt_key
from core.data.tokens import UncutRows
from core.inspect.figures import BESIDE, FLAGS, flaws

OF_A_SEQUENCE = pa.schema(
    [
        ("ids", pa.list_(pa.int32())),
        ("outer", pa.list_(pa.int32(), 2)),
        ("tags", pa.list_(pa.list_(pa.int32(), 3))),
        ("rounds", pa.list_(pa.list_(pa.int32(), 3))),
        ("inside", pa.list_(pa.int32())),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("id_key", pa.int64()),
        ("label", pa.int8()),
        ("of_eval", pa.bool_()),
        ("prompt_key", pa.int64()),
        *[(column, pa.string()) for column in MODELS],
        *[(part, pa.list_(pa.string())) for part in PARTS],
        ("by_round", pa.bool_()),
        *OF_A_SEQUENCE,
        *[field.with_name(f"{BESIDE}{field.name}") for field in OF_A_SEQUENCE],
        *[(flag, pa.int32() if flag == "nulls" else pa.bool_()) for flag in FLAGS],
    ]
)


def as_table(batch: Sequence[tuple[Example, Origin]], sequences: Sequence[UncutRows], *, of_eval: bool) -> pa.Table:
    """A batch of rows with the tokens of each sequence that they are read as; `of_eval` where they are those of
    data.eval."""
    examples, origins = zip(*batch, strict=True)
    nothing: dict[str, Any] = dict.fromkeys(OF_A_SEQUENCE.names, [None] * len(batch))
    columns, beside = [*map(_of_a_sequence, sequences), nothing][:2]
    found = [flaws(example, origin.parts) for example, origin in batch]
    return pa.table(
        {
            "id": [str(row.id) for row in examples],
            "id_key": [id_key(row.id) for row in examples],
            "label": [row.label for row in examples],
            "of_eval": [of_eval] * len(batch),
            "prompt_key": [prompt_key(row.prompt) for row in examples],
            **{column: [getattr(origin, column) for origin in origins] for column in MODELS},
            "prompt": [row.prompt for row in examples],
            "response_a": [row.response_a for row in examples],
            "response_b": [row.response_b for row in examples],
            "by_round": [sequences[0].shape.by_round] * len(batch),
            **columns,
            **{f"{BESIDE}{name}": column for name, column in beside.items()},
            **{flag: [structs.asdict(row)[flag] for row in found] for flag in FLAGS},
        },
        schema=SCHEMA,
    )


def _of_a_sequence(whole: UncutRows) -> dict[str, Any]:
    """The columns of OF_A_SEQUENCE."""
    shape = whole.shape
    tags, rounds = (np.split(of, shape.first_rounds[1:]) for of in (shape.tags, shape.rounds))
    inside_row = shape.inside >> ROW_BITS
    positions = shape.inside & (1 << ROW_BITS) - 1
    return {
        "ids": whole.ids,
        "outer": shape.outer.tolist(),
        "tags": [of_row.tolist() for of_row in tags],
        "rounds": [of_row.tolist() for of_row in rounds],
        "inside": np.split(positions, np.searchsorted(inside_row, np.arange(1, len(shape)))),
    }
