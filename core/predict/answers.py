"""What a prediction has answered, read from its submission.csv line by line: means, histograms, the first rows.

It may come from a stranger: ids are texts, to be shown harmless, and all else is numbers. Imports nothing heavy.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from io import BufferedReader

from msgspec import Struct

from core.data.example import LABELS
from core.predict.folder import PredictionFolder
from core.runs.access import Damaged, open_for_reading

MOST_BYTES = 64 << 20
"""Of a submission that is looked at: about a million rows, which take a second."""
MOST_OF_LINE = 4096
BINS = 10
FIRST_ROWS = 100
TOLERANCE = 1e-6
"""By which rounding may lift a probability above 1."""

Probabilities = tuple[float, float, float]


class AnsweredRow(Struct, frozen=True):
    id: str
    probabilities: Probabilities


class Answers(Struct, frozen=True):
    """Of each outcome in the order of LABELS, as the columns after the id are.

    `histograms` holds for each outcome how many rows give it a probability from i/BINS to (i+1)/BINS."""

    rows: int
    means: Probabilities
    histograms: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    first: list[AnsweredRow]


def read_answers(folder: PredictionFolder) -> Answers:
    """Raises OSError, and Damaged for what is no submission."""
    with open_for_reading(folder.submission, MOST_BYTES) as file:
        return _read(folder, file)


def _read(folder: PredictionFolder, file: BufferedReader) -> Answers:
    histograms = [[0] * BINS for _ in LABELS]
    sums, first, rows = [0.0] * len(LABELS), [], 0
    records = csv.reader(_lines(file))
    try:
        next(records, None)  # the names of the columns
        for id, *cells in records:
            given = _probabilities(cells)
            rows += 1
            for outcome, probability in enumerate(given):
                sums[outcome] += probability
                histograms[outcome][min(BINS - 1, int(probability * BINS))] += 1
            if rows <= FIRST_ROWS:
                first.append(AnsweredRow(id, given))
    except (ValueError, csv.Error):
        raise Damaged(folder.submission, f"row {rows + 1} holds no id and three probabilities") from None
    if not rows:
        raise Damaged(folder.submission, "it holds no rows")
    a, b, tie = (total / rows for total in sums)
    of_a, of_b, of_tie = map(tuple, histograms)
    return Answers(rows, (a, b, tie), (of_a, of_b, of_tie), first)


def _lines(file: BufferedReader) -> Iterator[str]:
    """Raises ValueError for one that is too long."""
    while line := file.readline(MOST_OF_LINE):
        if len(line) == MOST_OF_LINE:
            raise ValueError
        yield line.decode(errors="replace")


def _probabilities(cells: Sequence[str]) -> Probabilities:
    """Raises ValueError."""
    a, b, tie = map(float, cells)
    if not all(math.isfinite(p) and 0 <= p <= 1 + TOLERANCE for p in (a, b, tie)):
        raise ValueError
    return a, b, tie
