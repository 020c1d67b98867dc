"""What a prediction writes in the end: all its logits row by row, and the submission."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow

from core.data.example import LOGITS, Example, unswapped
from core.data.rows import WINNERS
from core.files import write_output, write_table
from core.predict.average import Probabilities
from core.predict.folder import PredictionFolder
from core.predict.scoring import Pass


def save_table(
    folder: PredictionFolder, examples: Sequence[Example], passes: Sequence[Pass], answered: Probabilities
) -> None:
    """predictions.parquet, in the order of the file. Logits of a swapped pass stand in the columns of A, B and tie."""
    columns = {
        "id": pyarrow.array([example.id for example in examples], pyarrow.int64()),
        "label": pyarrow.array([None if e.label < 0 else e.label for e in examples], pyarrow.int8()),
    }
    for one in passes:
        logits = unswapped(one.kept.logits) if one.is_swapped else one.kept.logits
        columns |= {f"{one.name}_tokens": pyarrow.array(one.lengths, pyarrow.int32())}
        columns |= {f"{one.name}_{column}": logits[:, i] for i, column in enumerate(LOGITS)}
    columns |= {winner: answered[:, i] for i, winner in enumerate(WINNERS)}
    write_table(folder.table, pyarrow.table(columns))


COLUMNS = ("id", *WINNERS)


def write_submission(path: Path, ids: Sequence[int], probabilities: Sequence[Sequence[float]]) -> None:
    """A line a row, with as many digits as the numbers have. Raises OSError."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([id, *map(repr, row)] for id, row in zip(ids, probabilities, strict=True))
    write_output(path, out.getvalue().encode())
