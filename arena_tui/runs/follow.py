"""Follows runs on disk: reads what is new of each record and gives one immutable view. Knows no widget."""

import time
from pathlib import Path
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from arena_tui.runs.cache import Ending, Endings, stamp
from arena_tui.runs.stages import has_no_heartbeat
from arena_tui.runs.waits import Wait, waits
from core.outcomes import A_B_TIE, Outcomes, outcomes_of
from core.runs.events import Failed, Started
from core.runs.folder import RunFolder, list_runs
from core.runs.liveness import LivenessCache, is_run_alive, was_launched
from core.runs.metrics import recipe_log_loss
from core.runs.nodes import NodesReader
from core.runs.notes import Notes, NotesReader
from core.runs.queue import Queue, queue_of
from core.runs.record import Tail
from core.runs.silence import SILENT_SECONDS, silence
from core.runs.state import RunState, Status, fold, status, with_due_end
from core.runs.trouble import TroubleReader


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
    trouble: str = ""
    """Which of its files cannot be read, and why."""
    notes: Notes = Notes()
    wait: Wait | None = None
    """What it waits for; None unless it is queued."""
    nodes: int = 1
    """Machines that compute it; of one that waits in the queue it is one."""
    ticking: int | None = None
    """Seconds since its launch, while it goes on and has no heartbeat that would tell the time."""

    @property
    def elapsed(self) -> float:
        """Seconds, without those in which it lay still."""
        return self.state.elapsed if self.ticking is None else self.ticking

    @property
    def name(self) -> str:
        """What the user calls the run, else the name it was started with."""
        return self.notes.name or self.folder.name

    @property
    def is_settled(self) -> bool:
        """Whether nothing more can come."""
        return self.status.is_over and self.alive is False and self.status is not Status.UNKNOWN

    @property
    def awaits_start(self) -> bool:
        """Whether nothing has begun yet: it waits for its turn in the queue, or for a launch script."""
        return self.wait is not None or self.status is Status.PREPARED

    @property
    def is_going_on_here(self) -> bool:
        """Whether the run goes on on this machine, or is about to say that it does."""
        starting = self.alive is None and self.status is Status.STARTING
        return not self.status.is_over and (self.alive is True or starting)

    @property
    def can_be_resumed(self) -> bool:
        """Whether the run ended here before its time."""
        return self.is_settled and self.status is not Status.FINISHED

    @property
    def can_be_fixed(self) -> bool:
        """Whether the run failed here and its record proposes other settings."""
        return self.is_settled and isinstance(self.state.last, Failed) and bool(self.state.last.changes)

    @property
    def has_report(self) -> bool:
        """Whether there are evaluated rows to report on: they are written when a run finishes."""
        return self.status is Status.FINISHED and self.evaluates

    @property
    def evaluates(self) -> bool:
        """Whether the run has rows to evaluate, as far as is known."""
        return self.state.started is None or self.state.started.rows_eval > 0

    @property
    def prior(self) -> float | None:
        """Log loss of the class shares on the evaluation rows; None while it is not known, and without such rows."""
        return self.state.started.prior_log_loss if self.state.started else None

    @property
    def log_loss(self) -> float | None:
        """That of what the run has kept, None before the first evaluation."""
        return self.state.reached.log_loss if self.state.reached else None

    @property
    def outcomes(self) -> Outcomes:
        """Those of its rows; three as long as nothing is known of them."""
        return outcomes_of(self.state.begun.outcomes) if self.state.begun else A_B_TIE

    @property
    def recipe_log_loss(self) -> float | None:
        """What the recipe has reached, where that is on the same data."""
        return recipe_log_loss(self.state.begun) if isinstance(self.state.begun, Started) else None


class Follower:
    """Reads one run's record onwards from where it stopped."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._tail = Tail(folder.events)
        self._state = RunState()
        self._notes = NotesReader(folder)
        self._trouble = TroubleReader(folder)
        self._nodes = NodesReader(folder)
        self._may_live = LivenessCache()

    def read(self) -> RunView:
        queue = queue_of(self.folder)
        if queue.place(self.folder):
            others = self._may_live.among(queue.others())
            if wait := waits(queue, queue.waiting(), others).get(self.folder.id):
                return _queued(self.folder, wait, self._notes.read(), self._trouble.read())
        try:
            alive = is_run_alive(self.folder)  # asked first: a last event may come between the two
        except FileNotFoundError:
            alive = False  # the folder was deleted
        trouble, now = self._trouble.read(), time.time()
        try:
            for batch in self._tail.batches():
                self._state = fold(self._state, batch)
            state = with_due_end(self._state, self.folder, alive)
            word = status(state, alive, now, launched=was_launched(self.folder))
        except OSError as error:
            state, word = self._state, Status.UNKNOWN
            trouble = "; ".join(filter(None, [f"events.jsonl cannot be read: {error.strerror}", trouble]))
        silent = silence(state.last_time, now)
        shown = int(silent // 10 * 10) if silent > SILENT_SECONDS and not word.is_over else 0
        return RunView(
            self.folder,
            state,
            word,
            alive,
            shown,
            self._tail.unreadable,
            trouble,
            self._notes.read(),
            nodes=self._nodes.read(),
            ticking=None if word.is_over or alive is False else self._ticking(state, now),
        )

    def _ticking(self, state: RunState, now: float) -> int | None:
        if not has_no_heartbeat(state):
            return None
        began = self.folder.order.stat().st_mtime if state.first_time is None else state.first_time
        return max(0, int(now - began - state.paused))


def _queued(folder: RunFolder, wait: Wait, notes: Notes, trouble: str) -> RunView:
    return RunView(folder, RunState(), Status.QUEUED, alive=False, trouble=trouble, notes=notes, wait=wait)


class RunList:
    """All runs of a folder without their histories: those that go on, those that wait, in their order, the others,
    newest first. Settled ones are read again only if they grow."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.is_queue_paused = False
        """As it was when the runs were read last."""
        self._endings = Endings(runs)
        self._followers: dict[str, Follower] = {}
        self._settled: dict[str, RunView] = {}
        self._notes: dict[str, NotesReader] = {}
        self._troubles: dict[str, TroubleReader] = {}
        self._lock = Lock()  # two screens and the way out may ask at once, each from a thread of its own

    def read(self) -> tuple[RunView, ...]:
        with self._lock:
            return self._read_all()

    def _read_all(self) -> tuple[RunView, ...]:
        folders, queue = list_runs(self.runs), Queue(self.runs)
        waiting = queue.waiting()
        self.is_queue_paused = queue.is_paused
        queued = {run.id for run, _ in waiting}
        begun = [self._ended(run) or self._read(run) for run in folders if run.id not in queued]
        going_on_here = [view for view in begun if view.is_going_on_here]
        found = waits(queue, waiting, [view.folder for view in going_on_here])
        views = (
            *going_on_here,
            *(self._waiting(run, found[run.id]) for run, _ in waiting),
            *(view for view in begun if not view.is_going_on_here),
        )
        going_on = {view.folder.id for view in views if not view.is_settled}
        self._followers = {run_id: f for run_id, f in self._followers.items() if run_id in going_on}
        self._settled = {view.folder.id: view for view in views if view.is_settled}
        kept = self._settled.keys() | queued
        self._notes = {run_id: reader for run_id, reader in self._notes.items() if run_id in kept}
        self._troubles = {run_id: reader for run_id, reader in self._troubles.items() if run_id in kept}
        self._endings.save(folders)
        return views

    def _waiting(self, run: RunFolder, wait: Wait) -> RunView:
        return _queued(run, wait, *self._words(run))

    def _words(self, run: RunFolder) -> tuple[Notes, str]:
        notes = self._notes.setdefault(run.id, NotesReader(run)).read()
        return notes, self._troubles.setdefault(run.id, TroubleReader(run)).read()

    def _ended(self, run: RunFolder) -> RunView | None:
        """The same object as long as nothing is new, so that a list is known to be the one before."""
        ending = self._endings.get(run)
        if ending is None:
            return None
        before = self._settled.get(run.id)
        notes, trouble = self._words(run)
        if before and before.state is ending.state and (before.notes, before.trouble) == (notes, trouble):
            return before
        return RunView(
            run,
            ending.state,
            ending.status,
            alive=False,
            unreadable=ending.unreadable,
            trouble=trouble,
            notes=notes,
            nodes=ending.nodes,
        )

    def _read(self, run: RunFolder) -> RunView:
        before = stamp(run)  # asked first: the record may grow meanwhile
        view = self._followers.setdefault(run.id, Follower(run)).read()
        reached = (view.state.reached,) if view.state.reached else ()
        state = replace(view.state, steps=view.state.steps[-1:], evaluations=reached)
        brief = replace(view, state=state)
        if before and view.is_settled:
            self._endings.add(run, Ending(before, state, view.status, view.unreadable, view.nodes))
        return brief
