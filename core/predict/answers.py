"""What a prediction has answered, read from its predictions.parquet: means, histograms, the first rows.

It may come from a stranger: ids are texts, to be shown harmless, and all else is numbers.
"""

from msgspec import Struct

from core.outcomes import A_B, A_B_TIE, TIE, Outcomes
from core.predict.folder import PredictionFolder
from core.runs.access import Damaged, open_for_reading

MOST_BYTES = 64 << 20
"""Of a table that is looked at: about a million rows of one run."""
BINS = 10
FIRST_ROWS = 100
TOLERANCE = 1e-6
"""By which rounding may lift a probability above 1."""


class AnsweredRow(Struct, frozen=True):
    id: str
    probabilities: tuple[float, ...]


class Answers(Struct, frozen=True):
    """Of each outcome, in their order.

    `histograms` holds for each outcome how many rows give it a probability from i/BINS to (i+1)/BINS."""

    outcomes: Outcomes
    rows: int
    means: tuple[float, ...]
    histograms: tuple[tuple[int, ...], ...]
    first: list[AnsweredRow]


def read_answers(folder: PredictionFolder) -> Answers:
    """Raises OSError, and Damaged for what is no table of a prediction."""
    import numpy as np  # 50 MB with Arrow, which a console takes only once it shows answers
    import pyarrow

    from core.data.bounds import read_numbers

    try:
        with open_for_reading(folder.table, MOST_BYTES) as file:
            table = read_numbers(file, ["id", *A_B_TIE.winners], texts="id")
        outcomes = A_B_TIE if A_B_TIE.winners[TIE] in table.column_names else A_B
        given = np.stack([table[column].to_numpy().astype(np.float64) for column in outcomes.winners], axis=1)
        ids = table["id"].slice(0, FIRST_ROWS).to_pylist()
    except (pyarrow.ArrowException, KeyError) as error:
        raise Damaged(folder.table, f"not the answers of a prediction: {error}") from None
    if not len(given):
        raise Damaged(folder.table, "it holds no rows")
    if not ((given >= 0) & (given <= 1 + TOLERANCE)).all():
        raise Damaged(folder.table, "it holds a probability that is none")
    tenths = np.minimum(BINS - 1, (given * BINS).astype(np.int64))
    return Answers(
        outcomes,
        len(given),
        tuple(given.mean(axis=0).tolist()),
        tuple(tuple(np.bincount(column, minlength=BINS).tolist()) for column in tenths.T),
        [AnsweredRow(str(id), tuple(row)) for id, row in zip(ids, given[:FIRST_ROWS].tolist(), strict=True)],
    )
