"""The folder of a prediction, in that of the first run it was made with; its summary.json says that it is complete."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from core.predict.request import Request
from core.runs.access import TRASH, Damaged, is_file, is_folder, read_json, write_whole
from core.runs.events import Predicted
from core.runs.figures import Count, Figure, Share
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive


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
    rows: Count
    rows_cut: Count
    members: list[MemberSummary]
    swap: bool
    merge: bool
    log_loss: Figure | None
    accuracy: Share | None
    rows_ruled: int
    """Rows with an empty answer or identical ones."""
    log_loss_with_rules: float | None
    log_loss_without_rules: float | None
    """If these get fixed answers, and if not; `log_loss` is that of what was written."""
    rules: bool
    seconds: float
    memory_peak: int
    precision: str
    device: str


def save_summary(folder: "PredictionFolder", summary: Summary) -> None:
    write_whole(folder.summary, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")


def read_summary(folder: "PredictionFolder") -> Summary | None:
    """None while there is none that can be read."""
    try:
        return read_json(folder.summary, Summary)
    except (OSError, Damaged):
        return None


def pass_name(member: int, *, is_swapped: bool) -> str:
    """What the columns are called after that hold the tokens and logits of one run, from 0, in one order."""
    return f"run_{member + 1}{'_swapped' if is_swapped else ''}"


class PredictionFolder(RunFolder):
    """Paths of one prediction, beside the record, the log and the lock that every child has."""

    @property
    def run(self) -> RunFolder:
        """The first run that it was made with, in whose folder it lies; deleted or not."""
        predictions = self.path.parent.parent if self.path.parent.name == TRASH else self.path.parent
        return RunFolder(predictions.parent)

    @property
    def order(self) -> Path:
        return self.path / "request.json"

    @property
    def scores(self) -> Path:
        """The logits of finished batches, until all are there."""
        return self.path / "scores"

    @property
    def table(self) -> Path:
        """Per row: id, label, logits of each run in each order, and the averaged probabilities."""
        return self.path / "predictions.parquet"

    @property
    def submission(self) -> Path:
        return self.path / "submission.csv"

    @property
    def summary(self) -> Path:
        """Written last: its existence means that the prediction is complete."""
        return self.path / "summary.json"

    def due_end(self) -> Predicted | None:
        """As that of a run: told from summary, table and submission."""
        summary = read_summary(self)
        if summary is None or not (is_file(self.table) and is_file(self.submission)):
            return None
        return Predicted(
            time=self.summary.stat().st_mtime,
            submission=summary.submission,
            rows=summary.rows,
            log_loss=summary.log_loss,
            accuracy=summary.accuracy,
        )

    def read_request(self) -> Request:
        """Raises OSError, and Damaged for what is no request."""
        return read_json(self.order, Request)

    def write_request(self, request: Request) -> None:
        write_whole(self.order, msgspec.json.format(msgspec.json.encode(request)) + b"\n")


def list_predictions(run: RunFolder) -> list[PredictionFolder]:
    """The predictions that lie in a run's folder, newest first."""
    return _newest_first(run.predictions.glob("*/request.json")) if is_folder(run.predictions) else []


def list_all_predictions(runs: Path) -> list[PredictionFolder]:
    """The predictions with any of the runs in `runs`, newest first."""
    return _newest_first(order for order in runs.glob("*/predictions/*/request.json") if is_folder(order.parent))


def trashed_predictions(runs: Path) -> list[PredictionFolder]:
    """The deleted predictions with any of the runs in `runs`, newest first: each lies in .trash beside the others of
    its run."""
    return _newest_first(
        order for order in runs.glob(f"*/predictions/{TRASH}/*/request.json") if is_folder(order.parent)
    )


def find_predictions(runs: Path, wanted: str) -> list[PredictionFolder]:
    """The prediction with this id or path, else all whose id contains `wanted`, newest first."""
    if not wanted:
        return []
    if os.path.isfile(Path(wanted) / "request.json"):  # noqa: PTH113  (no error for a name that is too long)
        found = PredictionFolder(Path(wanted))
        return [] if found.path.parent.name == TRASH else [found]
    known = list_all_predictions(runs)
    same = [one for one in known if one.id == wanted]
    return same[:1] or [one for one in known if wanted in one.id]


def _newest_first(orders: Iterable[Path]) -> list[PredictionFolder]:
    return sorted((PredictionFolder(path.parent) for path in orders), key=lambda folder: folder.id, reverse=True)


def at_work(run: RunFolder) -> PredictionFolder | None:
    """The newest prediction with this run that goes on, if there is one. It may lie with another run of its average."""
    alive = (folder for folder in list_all_predictions(run.path.parent) if is_run_alive(folder))
    return next((folder for folder in alive if _asks(folder, run)), None)


def _asks(prediction: PredictionFolder, run: RunFolder) -> bool:
    try:
        members = prediction.read_request().members
    except (OSError, Damaged):
        return False
    return run.path.resolve() in [Path(member.run).resolve() for member in members]
