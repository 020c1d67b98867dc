"""The submission file: a line a row, in the order of the rows."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from core.data.rows import WINNERS
from core.files import write_output

COLUMNS = ("id", *WINNERS)


def write_submission(path: Path, ids: Sequence[int], probabilities: Sequence[Sequence[float]]) -> None:
    """A line a row, with as many digits as the numbers have. Raises OSError."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([id, *map(repr, row)] for id, row in zip(ids, probabilities, strict=True))
    write_output(path, out.getvalue().encode())
