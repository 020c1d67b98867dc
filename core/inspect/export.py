"""Writes the rows of an inspection as the model will be shown them, for other programs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from core.data.cells import id_in
from core.data.example import Frame, id_column
from core.data.tokens import UncutRows, show
from core.data.truncation import keep
from core.files import written
from core.inspect.figures import Rows
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
    those of training; the counts by part are of the tokens shown, tags apart. A file appears whole or not at all.
    Raises OSError where it cannot be written.
    """
    split = np.select([sides.train, sides.eval], ["train", "eval"], "left out")
    first, ids = 0, id_column(map(id_in, rows.id))
    schema = EXPORTED.insert(0, pa.field("id", ids.type))
    with (
        written(to) as out,
        parquet.ParquetFile(source) as stored,
        parquet.ParquetWriter(out, schema, compression="zstd") as writer,
    ):
        for batch in stored.iter_batches(columns=["ids"]):
            numbers = np.arange(first, first + len(batch))
            first += len(batch)
            shape = rows.shape.take(numbers)
            flat, ends = batch["ids"].flatten().to_numpy(), np.cumsum(batch["ids"].value_lengths().to_numpy())
            kept = keep(shape, tokens, frame)
            of_parts = kept.by_part(shape)
            writer.write_table(
                pa.table(
                    {
                        "id": ids.take(numbers),
                        "split": split[numbers].tolist(),
                        "label": rows.label[numbers],
                        "input_ids": show(UncutRows(np.split(flat, ends[:-1]), shape), kept, frame),
                        "prompt_tokens": of_parts[:, 0],
                        "response_a_tokens": of_parts[:, 1],
                        "response_b_tokens": of_parts[:, 2],
                        "tokens_lost": shape.total - kept.total(shape),
                    },
                    schema=schema,
                )
            )
