"""Follows runs on disk: reads what is new of each record and gives one immutable view. Knows no widget."""

import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from core.runs.events import Tail
from core.runs.folder import RunFolder, list_runs
from core.runs.process import is_run_alive
from core.runs.state import RunState, Status, fold, status

SILENT_SECONDS = 60
"""Loading a model takes a while without a sign; only a longer silence is worth a word."""


class RunView(Struct, frozen=True):
    """A run at one moment. `alive` is None where nobody here can tell."""

    folder: RunFolder
    state: RunState
    status: Status
    alive: bool | None
    silent: int = 0
    """Seconds since the last event, in steps of ten; 0 while that is nothing unusual."""
    unreadable: int = 0
    """Lines of the record that are no events of this version."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more can come."""
        return self.status.is_over and self.alive is False

    @property
    def is_going_on_here(self) -> bool:
        """Whether the run goes on on this machine, or is about to say that it does."""
        starting = self.alive is None and self.status is Status.STARTING
        return not self.status.is_over and (self.alive is True or starting)

    @property
    def log_loss(self) -> float | None:
        """The newest evaluation's log loss, None before the first."""
        return self.state.evaluations[-1].log_loss if self.state.evaluations else None


class Follower:
    """Reads one run's record onwards from where it stopped."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._tail = Tail(folder.events)
        self._state = RunState()

    def read(self) -> RunView:
        try:
            alive = is_run_alive(self.folder)  # asked first: a last event may come between the two
        except FileNotFoundError:
            alive = False  # the folder was deleted
        self._state = fold(self._state, self._tail.read())
        now = status(self._state, alive)
        return RunView(
            self.folder, self._state, now, alive, 0 if now.is_over else self._silence(), self._tail.unreadable
        )

    def _silence(self) -> int:
        silent = time.time() - (self._state.last_time or time.time())
        return int(silent // 10 * 10) if silent > SILENT_SECONDS else 0


class RunList:
    """All runs of a folder, newest first, without their histories. Settled ones are read once."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._settled: dict[str, RunView] = {}
        self._followers: dict[str, Follower] = {}

    def read(self) -> tuple[RunView, ...]:
        folders = list_runs(self.runs)
        followers = {run.id: self._followers.get(run.id) or Follower(run) for run in folders}
        self._followers = {id_: follower for id_, follower in followers.items() if id_ not in self._settled}
        return tuple(self._settled.get(run.id) or self._read(run.id) for run in folders)

    def _read(self, run_id: str) -> RunView:
        view = self._followers[run_id].read()
        state = replace(view.state, steps=view.state.steps[-1:], evaluations=view.state.evaluations[-1:])
        brief = replace(view, state=state)
        if view.is_settled:
            self._settled[run_id] = brief
            del self._followers[run_id]
        return brief
