"""What an inspection keeps of each row, as one Parquet file: its text, its tokens and what may be wrong with it.

Readers take the columns they need: figures need no text, and a row in full needs one group of rows.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from msgspec import structs

from core.data.example import MODELS, PARTS, Example
from core.data.rows import Origin
from core.data.shape import ROW_BITS
from core.data.split import id_key, prompt_key
from core.data.tokens import UncutRows
from core.inspect.figures import FLAGS, flaws

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("id_key", pa.int64()),
        ("label", pa.int8()),
        ("of_eval", pa.bool_()),
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


def as_table(batch: Sequence[tuple[Example, Origin]], whole: UncutRows, *, of_eval: bool) -> pa.Table:
    """A batch of rows with their tokens; `of_eval` where they are those of data.eval."""
    examples, origins = zip(*batch, strict=True)
    shape = whole.shape
    rounds = np.split(shape.rounds, np.cumsum(shape.round_counts)[:-1])
    inside_row = shape.inside >> ROW_BITS
    positions = shape.inside & (1 << ROW_BITS) - 1
    inside = np.split(positions, np.searchsorted(inside_row, np.arange(1, len(shape))))
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
            "ids": whole.ids,
            "tags": shape.tags.tolist(),
            "rounds": [of_row.tolist() for of_row in rounds],
            "inside": inside,
            **{flag: [structs.asdict(row)[flag] for row in found] for flag in FLAGS},
        },
        schema=SCHEMA,
    )
