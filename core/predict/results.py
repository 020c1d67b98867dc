"""What a prediction writes in the end: all its logits row by row, and the submission."""

import csv
import io
from collections.abc import Sequence

import pyarrow
from pyarrow import parquet

from core.data.example import Example
from core.data.rows import WINNERS
from core.predict.average import Probabilities, unswapped
from core.predict.folder import PredictionFolder
from core.predict.scoring import Pass
from core.runs.access import write_whole


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
        columns |= {f"{one.name}_logit_{which}": logits[:, i] for i, which in enumerate(("a", "b", "tie"))}
    columns |= {winner: answered[:, i] for i, winner in enumerate(WINNERS)}
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), buffer)
    write_whole(folder.table, buffer.getvalue().to_pybytes())


COLUMNS = ("id", *WINNERS)


def submission(ids: Sequence[int], probabilities: Sequence[Sequence[float]]) -> bytes:
    """A line a row, with as many digits as the numbers have."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([id, *map(repr, row)] for id, row in zip(ids, probabilities, strict=True))
    return out.getvalue().encode()
