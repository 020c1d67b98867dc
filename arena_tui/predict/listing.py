"""The predictions there are: read from disk, as lines of a list, and as JSON for scripts. Knows no widget."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct
from textual.content import Content

from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MISSING, MUTED, STYLES
from arena_tui.format.sanitize import printable, utf8
from arena_tui.format.width import padded
from arena_tui.runs.cache import Stamp, stamp
from arena_tui.runs.follow import Follower, RunView
from core.predict.folder import PredictionFolder, list_all_predictions
from core.runs import events
from core.runs.folder import RunFolder

STATE, ROWS, FIGURE, WHEN = 11, 9, 9, 14
"""Cells of the columns that do not grow."""
GAP = 2
SHORTEST = 4
"""Cells of each of the two columns that grow: the name of the file of rows, and the runs."""
NARROW = STATE + FIGURE + 2 * 10 + 3 * GAP


class Prediction(Struct, frozen=True):
    """A prediction at one moment."""

    folder: PredictionFolder
    view: RunView

    @property
    def answer(self) -> events.Predicted | None:
        """The last event of one that is complete."""
        last = self.view.state.last
        return last if isinstance(last, events.Predicted) else None

    @property
    def runs(self) -> list[str]:
        """The ids of the runs that are averaged: until the rows are read, of the first alone."""
        asked = self.view.state.predicting
        return (asked.runs if asked else []) or [self.folder.run.id]

    @property
    def figure(self) -> str:
        """Its log loss where the rows have labels; or how far it is."""
        asked, progress = self.view.state.predicting, self.view.state.prediction_progress
        if self.answer and self.answer.log_loss is not None:
            return numbers.loss(self.answer.log_loss)
        if self.answer or not (asked and progress):
            return MISSING
        return numbers.share(progress.rows, asked.rows_total)


class PredictionList:
    """All predictions of a runs folder: those that go on, then the others, newest first. Those that are over are read
    again only if they grow."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._settled: dict[Path, tuple[Stamp | None, Prediction]] = {}
        """With the stamp of the record."""
        self._followers: dict[Path, Follower] = {}
        self._lock = Lock()  # the screen may ask again, each time from a thread of its own, before it has its answer

    def read(self) -> list[Prediction]:
        with self._lock:
            return self._read_all()

    def _read_all(self) -> list[Prediction]:
        found = [self._read(folder) for folder in list_all_predictions(self.runs)]
        paths = {prediction.folder.path for prediction in found}
        self._settled = {path: known for path, known in self._settled.items() if path in paths}
        self._followers = {
            path: follower for path, follower in self._followers.items() if path in paths and path not in self._settled
        }
        return sorted(found, key=lambda prediction: prediction.view.status.is_over)

    def _read(self, folder: PredictionFolder) -> Prediction:
        before = stamp(folder)  # asked first: the record may grow meanwhile
        known = self._settled.pop(folder.path, None)
        if known and known[0] == before:
            self._settled[folder.path] = known
            return known[1]
        read = Prediction(folder, self._followers.setdefault(folder.path, Follower(folder)).read())
        if read.view.is_settled:
            self._settled[folder.path] = (before, read)
        return read


def heading(width: int) -> Content:
    return Content.styled(_columns(width, "state", "file", "runs", "rows", "log loss", "started"), MUTED)


def line(prediction: Prediction, width: int) -> Content:
    """State, name of the file of rows, runs, count of rows, log loss or progress, start."""
    view = prediction.view
    state = f"{GLYPHS[view.status]} {view.status.value}"
    first, *others = prediction.runs
    runs = RunFolder(Path(first)).name + (f" + {len(others)}" if others else "")
    asked = view.state.predicting
    rows = numbers.count(asked.rows) if asked else ""
    name = f"! {prediction.folder.name}" if view.trouble else prediction.folder.name
    began = numbers.moment(view.state.first_time)
    text = _columns(width, state, printable(name), printable(runs), rows, prediction.figure, began)
    return Content(text).stylize(STYLES[view.status], 0, STATE)


def _columns(width: int, state: str, name: str, runs: str, rows: str, figure: str, when: str) -> str:
    """In a narrow line without the time of the start, which the id tells too; in a narrower one without the rows."""
    gap = " " * GAP
    end = f"{gap}{figure:>{FIGURE}}"
    if width >= NARROW + ROWS + GAP:
        end = f"{gap}{rows:>{ROWS}}{end}"
    if width >= NARROW + ROWS + WHEN + 2 * GAP:
        end += f"{gap}{when:>{WHEN}}"
    for_names = max(2 * SHORTEST, width - STATE - 2 * GAP - len(end))
    names = padded(name, for_names // 2) + gap + padded(runs, for_names - for_names // 2)
    return f"{state:<{STATE}}{gap}{names}{end}"


def as_table(predictions: Sequence[Prediction], width: int) -> str:
    """A line a prediction, each followed by its id, to be given to other commands."""
    if not predictions:
        return "no predictions yet: arena-tui predict RUN TEST makes one"
    lines = [f"{heading(width).plain}  prediction"]
    lines += [f"{line(prediction, width).plain}  {printable(prediction.folder.id)}" for prediction in predictions]
    return "\n".join(lines)


def as_json(predictions: Sequence[Prediction]) -> bytes:
    """A JSON list. What is not known is null."""
    return msgspec.json.encode([_object(prediction) for prediction in predictions])


def _object(prediction: Prediction) -> dict[str, object]:
    folder, state = prediction.folder, prediction.view.state
    answer, asked, progress = prediction.answer, state.predicting, state.prediction_progress
    return {
        "id": utf8(folder.id),
        "folder": utf8(str(folder.path)),
        "runs": [utf8(run) for run in prediction.runs],
        "status": prediction.view.status,
        "trouble": prediction.view.trouble or None,
        "started": state.first_time,
        "rows": asked.rows if asked else None,
        "rows_scored": progress.rows if progress else None,
        "rows_to_score": asked.rows_total if asked else None,
        "log_loss": answer.log_loss if answer else None,
        "accuracy": answer.accuracy if answer else None,
        "submission": utf8(answer.submission) if answer else None,
    }
