"""The curves of a run as rows to export: every logged point and every evaluation, in full precision."""

import csv
import io
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from core.runs.events import Evaluated, Step
from core.runs.state import RunState

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What the text of a formula begins with, as spreadsheets read CSV."""


class CurvePoint(Struct, frozen=True, kw_only=True):
    """One logged step, or one evaluation. What it has not, and what was not a finite number, is None.

    `tokens` are those trained on so far, padding left out; an evaluation has seen those of the last step logged
    before it. `time` is in seconds since 1970, `elapsed` since the run's first event. Memory is in bytes; the rest
    has the units of the record.
    """

    run: str
    kind: str
    step: int
    epoch: float
    tokens: int
    time: float
    elapsed: float
    loss: float | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    tokens_per_second: float | None = None
    memory_allocated: int | None = None
    memory_reserved: int | None = None
    memory_peak: int | None = None
    log_loss: float | None = None
    accuracy: float | None = None
    rows: int | None = None
    seconds: float | None = None


def curve_points(run_id: str, state: RunState) -> list[CurvePoint]:
    """All of a run, in order of their steps; an evaluation follows the step it was made after."""
    began, tokens = state.first_time or 0.0, 0
    events: list[Step | Evaluated] = [*state.steps, *state.evaluations]
    points = []
    for event in sorted(events, key=lambda event: (event.step, isinstance(event, Evaluated))):
        if isinstance(event, Step):
            tokens = event.tokens
        figures = msgspec.structs.asdict(event) | {"run": run_id, "tokens": tokens, "elapsed": event.time - began}
        figures = {field: figure for field, figure in figures.items() if field in CurvePoint.__struct_fields__}
        points.append(CurvePoint(kind="step" if isinstance(event, Step) else "evaluation", **figures))
    return points


def as_csv(points: Iterable[CurvePoint]) -> str:
    """A heading, and a row a point; what is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CurvePoint.__struct_fields__)
    writer.writerows(map(_no_formula, msgspec.structs.astuple(point)) for point in points)
    return out.getvalue()


def _no_formula(cell: object) -> object:
    """A cell whose text a spreadsheet would take for a formula and carry out, as text; numbers stay as they are."""
    if not isinstance(cell, str):
        return cell
    text = f"'{cell}" if cell.startswith(FORMULA) else cell
    return text.replace("\r", "\n")  # which the csv module puts into quotes, and the other not


def as_json(points: Iterable[CurvePoint]) -> str:
    """A JSON list of objects; what is missing is null."""
    return msgspec.json.encode(list(points)).decode()
