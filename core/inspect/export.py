"""Writes the rows of an inspection as the model will be shown them, for other programs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from core.data.cells import id_in
from core.data.example import Frame, id_column
from core.data.shape import Shape
from core.data.tokens import UncutRows, show
from core.data.truncation import keep
from core.files import written
from core.inspect.figures import Rows, by_part
from core.inspect.lookup import IDS
from core.inspect.report import Sides
from core.profile.token_settings import Tokens

EXPORTED = pa.schema(
    [
        ("split", pa.string()),
        ("label", pa.int8()),
        ("input_ids", pa.list_(pa.int32())),
        *[(column, pa.int32()) for column in ("prompt_tokens", "response_a_tokens", "response_b_tokens")],
        ("tokens_lost", pa.int32()),
    ]
)


def export(source: Path, rows: Rows, sides: Sides, tokens: Tokens, frame: Frame, to: Path) -> None:
    """Write `to`, a Parquet file, from the inspection's `source`.

    Rows of neither side have the split "left out"; with data.eval an id may stand once on each side. input_ids are
    those of training, where answers are read apart with A, and input_ids_b those with B; the counts by part are of the
    tokens shown, tags apart. A file appears whole or not at all.
    Raises OSError where it cannot be written.
    """
    split = np.select([sides.train, sides.eval], ["train", "eval"], "left out")
    first, ids = 0, id_column(map(id_in, rows.id))
    schema = EXPORTED.insert(0, pa.field("id", ids.type))
    names = ["input_ids", "input_ids_b"][: len(rows.shapes)]
    if len(names) > 1:
        schema = schema.insert(schema.names.index(names[0]) + 1, schema.field(names[0]).with_name(names[1]))
    with (
        written(to) as out,
        parquet.ParquetFile(source) as stored,
        parquet.ParquetWriter(out, schema, compression="zstd") as writer,
    ):
        for batch in stored.iter_batches(columns=list(IDS)):
            numbers = np.arange(first, first + len(batch))
            first += len(batch)
            shapes = [shape.take(numbers) for shape in rows.shapes]
            kept = [(shape, keep(shape, tokens, frame)) for shape in shapes]
            of_parts = by_part([one.by_part(shape) for shape, one in kept])
            shown = {
                name: show(_uncut(batch[column], shape), one, frame)
                for name, column, (shape, one) in zip(names, IDS, kept, strict=False)
            }
            writer.write_table(
                pa.table(
                    {
                        "id": ids.take(numbers),
                        "split": split[numbers].tolist(),
                        "label": rows.label[numbers],
                        **shown,
                        "prompt_tokens": of_parts[:, 0],
                        "response_a_tokens": of_parts[:, 1],
                        "response_b_tokens": of_parts[:, 2],
                        "tokens_lost": np.sum([shape.total - one.total(shape) for shape, one in kept], axis=0),
                    },
                    schema=schema,
                )
            )


def _uncut(ids: pa.ListArray, shape: Shape) -> UncutRows:
    """The rows of a column of token ids."""
    flat, ends = ids.flatten().to_numpy(), np.cumsum(ids.value_lengths().to_numpy())
    return UncutRows(np.split(flat, ends[:-1]), shape)
