"""Predicting, written once for the command line and for the console: where a request is answered, anew or going on.

It is no part of core.runs.actions, which runs' folders and programs stand on: those know nothing of predictions.
Imports nothing heavy.
"""

from collections.abc import Sequence
from pathlib import Path

from core.predict.folder import PredictionFolder, list_predictions
from core.predict.protocol import PREDICT
from core.predict.request import DEMO, Request
from core.runs.access import Damaged, have_folder, remove_tree
from core.runs.actions import Job
from core.runs.folder import RunFolder, file_name, new_folder
from core.runs.lock import locked
from core.runs.record import Tail
from core.runs.state import RunState, fold, read_run

MOST_OF_NAME = 60
"""Characters of the name of the file of rows in that of a prediction."""


def predict(request: Request, program: Sequence[str] = PREDICT) -> Job[PredictionFolder]:
    """Let `program` answer `request`, unless a process is at work on it already. Raises OSError."""
    folder, is_at_work = settle(request)
    return Job(folder, None if is_at_work else tuple(program))


def settle(request: Request) -> tuple[PredictionFolder, bool]:
    """Where `request` is answered, and whether a process is at work on it there already.

    A prediction of the same that was stopped is gone on with, its batches and its output as they are asked for now.
    Raises OSError.
    """
    predictions = RunFolder(Path(request.members[0].run)).predictions
    have_folder(predictions)
    with locked(predictions / ".lock"):  # held for moments only: two that ask at once are not to begin the same twice
        folder = unfinished(request)
        if folder is None:
            return create_prediction(request), False
        if not read_run(folder)[1].is_over:
            return folder, True
        folder.write_request(request)
        return folder, False


def unfinished(request: Request) -> PredictionFolder | None:
    """The newest prediction that was to answer the same and has not, or has and could not say so, if there is one."""
    for folder in list_predictions(RunFolder(Path(request.members[0].run))):
        try:
            asked, end = folder.read_request(), folder.due_end()
            if end and (fold(RunState(), Tail(folder.events).read()).last or _is_older(folder, request)):
                continue
        except (OSError, Damaged):
            continue
        if asked.answers_the_same(request) if end else asked.asks_the_same(request):
            return folder
    return None


def _is_older(prediction: PredictionFolder, request: Request) -> bool:
    """Whether the rows were written after the prediction was complete. Raises OSError."""
    return request.test != DEMO and Path(request.test).stat().st_mtime > prediction.summary.stat().st_mtime


def create_prediction(request: Request) -> PredictionFolder:
    """A new folder for `request`. Raises OSError where it cannot be made."""
    predictions = RunFolder(Path(request.members[0].run)).predictions
    have_folder(predictions)
    name = file_name(Path(request.test).stem) or "rows"
    folder = PredictionFolder(new_folder(predictions, name[:MOST_OF_NAME]))
    try:
        folder.write_request(request)
    except OSError:  # no room for it
        remove_tree(folder.path)
        raise
    return folder
