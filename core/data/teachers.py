"""What teachers said of rows to train on: stored probabilities of their outcomes, found by the id of a row."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.data.cells import id_in, number
from core.data.comparisons import Refused, probabilities_in
from core.data.example import DataError, Example, Id, place
from core.data.files import read_records
from core.data.formats import PROBABILITIES, TRAINED_ON
from core.data.labels import Probabilities
from core.outcomes import A_B, A_B_TIE, TIE, Outcomes
from core.profile.data_settings import Columns
from core.profile.distill_settings import Distill
from core.runs.folder import RunFolder

ID = "id"


class Said(Struct, frozen=True):
    """What a teacher said of a row."""

    probabilities: Probabilities
    is_seen: bool
    """Whether it was trained on the row itself, as far as is known."""


def taught(rows: Sequence[Example], distill: Distill, outcomes: Outcomes) -> list[Example]:
    """`rows` with what the teachers of [distill] say of them: of several that tell of a row the mean.

    Raises DataError for a bad teacher, one of other `outcomes`, or that was trained on a row that it teaches, and where
    none tells of any of the rows.
    """
    wanted = {row.id for row in rows}
    told: dict[Id, list[Probabilities]] = {}
    for teacher in distill.teachers:
        said = dict(_said(teacher, wanted, outcomes))
        seen = sum(one.is_seen for one in said.values())
        if seen and not distill.allow_seen:
            raise DataError(
                f"{teacher}: was trained on {seen:,} of the {len(said):,} rows that it would teach, and knows their "
                "labels; take the predictions of runs that held them out, as `arena-tui folds --teacher` writes them, "
                "or set distill.allow_seen = true"
            )
        for id, one in said.items():
            told.setdefault(id, []).append(one.probabilities)
    if not told:
        named = " and ".join(distill.teachers)
        raise DataError(f"{named}: of none of the {len(rows):,} rows to train on; rows are found by their ids")
    return [replace(row, taught=_mean(told[row.id])) if row.id in told else row for row in rows]


def _mean(said: Sequence[Probabilities]) -> Probabilities:
    a, b, tie = map(fmean, zip(*said, strict=True))
    return a, b, tie


def _said(teacher: str, wanted: set[Id], outcomes: Outcomes) -> Iterator[tuple[Id, Said]]:
    """Of those of the `wanted` rows that this one tells of. Raises DataError."""
    path = Path(teacher)
    source = str(RunFolder(path).evaluation) if path.is_dir() else teacher
    found: set[Id] = set()
    for file, line, record in read_records(source):
        where = place(file, line)
        try:
            id = id_in(record.get(ID))
        except ValueError as error:
            raise DataError(f"{where}, column {ID}: {error}") from None
        if id in found:
            raise DataError(f"{place(file, line, id=id)}: this teacher tells of the same row twice")
        found.add(id)
        own, probabilities = _probabilities(record, place(file, line, id=id))
        if own is not outcomes:
            raise DataError(f"{file}: tells of {own.number} outcomes; the rows to train on have {outcomes.number}")
        if id in wanted:
            yield id, Said(probabilities, is_seen=str(record.get(TRAINED_ON)).casefold() in ("true", "1"))


def _probabilities(record: dict[str, Any], where: str) -> tuple[Outcomes, Probabilities]:
    """Those of a row of a run's evaluation, which holds logits, or of a table of probabilities."""
    if A_B.logits[0] in record:
        outcomes = A_B_TIE if A_B_TIE.logits[TIE] in record else A_B
        logits = [found for column in outcomes.logits if (found := number(record.get(column))) is not None]
        if len(logits) < len(outcomes):
            raise DataError(f"{where}: its logits are not all finite numbers")
        exponents = [math.exp(logit - max(logits)) for logit in logits]
        a, b, tie = [*(exponent / sum(exponents) for exponent in exponents), 0.0][:3]
        return outcomes, (a, b, tie)
    outcomes = A_B_TIE if "probability_tie" in record else A_B
    columns = Columns(**dict(list(PROBABILITIES.items())[: len(outcomes)]))
    try:
        return outcomes, probabilities_in(record, columns)
    except Refused as error:
        of = f", column {error.column}" if error.column else ""
        raise DataError(f"{where}{of}: {error}") from None
