"""What a prediction leaves: predictions.parquet with all logits, submission.csv, and summary.json."""

from collections.abc import Sequence

import msgspec
import pyarrow
from msgspec import Struct
from pyarrow import parquet

from core.data.example import Example
from core.data.rows import WINNERS
from core.files import write_whole
from core.score.average import Probabilities, unswapped
from core.score.folder import PredictionFolder
from core.score.passes import Pass


class MemberSummary(Struct, frozen=True, kw_only=True):
    """One run of the average; the figures are those of its own probabilities, None without labels."""

    run: str
    adapter: str
    weight: float
    log_loss: float | None
    accuracy: float | None


class Summary(Struct, frozen=True, kw_only=True):
    """summary.json. Figures are None where the rows have no labels. Seconds are this process's, memory in bytes."""

    prediction: str
    submission: str
    rows: int
    rows_cut: int
    members: list[MemberSummary]
    swap: bool
    merge: bool
    log_loss: float | None
    accuracy: float | None
    rows_ruled: int
    """Rows with an empty answer or identical ones."""
    log_loss_with_rules: float | None
    """The log loss if these get fixed answers; `log_loss` is that of what was written."""
    rules: bool
    seconds: float
    memory_peak: int
    precision: str
    device: str


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


def save_summary(folder: PredictionFolder, summary: Summary) -> None:
    write_whole(folder.summary, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
