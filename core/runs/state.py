"""What a record adds up to. Folding is pure: the same events give the same state, live or years later."""

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import isfinite
from operator import sub
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.runs import events
from core.runs.events import AnyEvent, Last
from core.runs.figures import RankReading
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive, was_launched
from core.runs.queue import queue_of
from core.runs.record import Tail
from core.runs.silence import patience, silence
from core.runs.steps import Steps, peaks, training_seconds


class Status(StrEnum):
    QUEUED = "queued"
    PREPARED = "prepared"
    STARTING = "starting"
    RUNNING = "running"
    STALLED = "stalled"
    STOPPING = "stopping"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"
    UNKNOWN = "unknown"  # its record cannot be read

    @property
    def is_over(self) -> bool:
        return self in (Status.FINISHED, Status.CANCELLED, Status.FAILED, Status.LOST, Status.UNKNOWN)


class RunState(Struct, frozen=True, kw_only=True):
    """Everything a record says so far. Histories are complete and in order."""

    first_time: float | None = None
    paused: float = 0.0
    """Seconds between the ends of earlier processes and the resumptions."""
    last_time: float | None = None
    started: events.Started | None = None
    phase: events.Phase | None = None
    step: int = 0
    rhythm: float = 0.0
    """The longest time in seconds between two events of the process so far."""
    training_since: tuple[float, int] | None = None
    """Time and step of the first sign of training: what the remaining time is estimated from."""
    steps: Steps = msgspec.field(default_factory=Steps)
    training_seconds: float = 0.0
    """What the logged steps took, without evaluations and pauses."""
    memory_peak: int = 0
    """Bytes, the most that any process of the run has held."""
    ranks: tuple[RankReading, ...] = ()
    """What each did up to the newest logged point, no earlier one; empty where there is but one."""
    evaluations: tuple[events.Evaluated, ...] = ()
    checkpoint: events.Checkpoint | None = None
    warnings: tuple[str, ...] = ()
    begun: events.Started | events.Predicting | None = None
    """What it was to do, as this process has said or, before that, an earlier one."""
    predicting: events.Predicting | None = None
    prediction_progress: events.PredictionProgress | None = None
    """Of a prediction: what it is to do, and how far it is."""
    stopping: events.Stopping | None = None
    last: Last | None = None

    @property
    def reached(self) -> events.Evaluated | None:
        """The evaluation of the weights that the run has kept, which its last event tells; before that the newest."""
        newest = self.evaluations[-1] if self.evaluations else None
        if newest is None or not isinstance(self.last, events.Finished) or self.last.log_loss == newest.log_loss:
            return newest
        return next((one for one in self.evaluations if one.log_loss == self.last.log_loss), newest)

    @property
    def has_steps_left(self) -> bool:
        """Whether the newest evaluation was before the last step: once the run has finished, it did so early."""
        return any(self.started and one.step < self.started.steps for one in self.evaluations[-1:])

    @property
    def elapsed(self) -> float:
        """Seconds from the first event to the last, without those in which the run lay still."""
        return max(0.0, (self.last_time or 0) - (self.first_time or 0) - self.paused)

    @property
    def tokens_per_second(self) -> float | None:
        """Effective tokens (padding left out) per second of training, over the whole run; None before it has any."""
        return self.steps[-1].tokens / self.training_seconds if self.steps and self.training_seconds else None

    @property
    def remaining(self) -> float | None:
        """Seconds until the last training step, or the last row of a prediction, at the pace of this run; None before
        it has one."""
        asked, progress = self.predicting, self.prediction_progress
        if asked and progress and progress.tokens_per_second:
            seconds = (asked.tokens_total - progress.tokens) / progress.tokens_per_second
            return seconds if isfinite(seconds) else None
        if self.started is None or self.training_since is None or self.last_time is None:
            return None
        since, first_step = self.training_since
        done = self.step - first_step
        return max(0.0, self.last_time - since) / done * (self.started.steps - self.step) if done > 0 else None


Item = TypeVar("Item")


def fold(state: RunState, new: Iterable[AnyEvent]) -> RunState:
    """`state` after the events in `new`. Histories grow once per call, so batch what comes together."""
    new = tuple(new)
    if not new:
        return state
    if state.last:
        state = _go_on(state, new[0].time)
    others = [event for event in new if not isinstance(event, events.Step)]  # few: the rest is quick
    turn = next((event for event in others if isinstance(event, events.Resumed | Last)), None)
    if turn is not None:
        index = new.index(turn)
        after = new[index + 1 :]
        if isinstance(turn, events.Resumed):
            return fold(_resume(fold(state, new[:index]), turn), after)
        if after:
            return fold(fold(state, new[: index + 1]), after)
    steps = [event for event in new if isinstance(event, events.Step)]
    progress, evaluated = _of(events.PredictionProgress, others), _of(events.Evaluated, others)
    done = [s.step for s in steps] + [s.step for s in _of(events.Checkpoint, others)] + [s.step for s in evaluated]
    signs = [(p.time, p.done) for p in _of(events.Phase, others) if p.phase == "training" and p.done is not None]
    signs += [(s.time, s.step) for s in steps[:1]]
    times = [event.time for event in new]
    before = [times[0] if state.last_time is None else state.last_time, *times]
    return replace(
        state,
        rhythm=max(state.rhythm, *map(sub, times, before)),
        first_time=new[0].time if state.first_time is None else state.first_time,
        last_time=new[-1].time,
        started=_newest(events.Started, others, state.started),
        begun=_newest(events.Started, others, None) or _newest(events.Predicting, others, state.begun),
        phase=_newest(events.Phase, others, state.phase),
        step=max([state.step, *done, *(step for _, step in signs)]),
        training_since=min(signs, default=None) if state.training_since is None else state.training_since,
        steps=state.steps + steps,
        training_seconds=state.training_seconds + training_seconds(steps, state.steps[-1].tokens if state.steps else 0),
        ranks=tuple(steps[-1].ranks) if steps else state.ranks,
        memory_peak=max([state.memory_peak, *peaks(steps), *(p.memory_peak for p in progress)]),
        evaluations=_evaluations(state.evaluations, evaluated),
        checkpoint=_newest(events.Checkpoint, others, state.checkpoint),
        warnings=state.warnings + tuple(w.message for w in _of(events.Warning, others)),
        predicting=_newest(events.Predicting, others, state.predicting),
        prediction_progress=_newest(events.PredictionProgress, others, state.prediction_progress),
        stopping=_newest(events.Stopping, others, state.stopping),
        last=turn,
    )


def _go_on(state: RunState, time: float) -> RunState:
    """A new process is at work: the end of the one before, and how it fared, are no more."""
    return replace(
        state,
        paused=state.paused + time - (state.last_time or time),
        last_time=time,
        rhythm=0.0,
        phase=None,
        started=None,
        ranks=(),
        training_since=None,
        predicting=None,
        prediction_progress=None,
        stopping=None,
        last=None,
    )


def _resume(state: RunState, resumed: events.Resumed) -> RunState:
    """What was trained after the checkpoint is forgotten."""
    steps = state.steps[: bisect_right(state.steps.column("step"), resumed.step)]
    folder, now = resumed.checkpoint, resumed.time
    return replace(
        _go_on(state, now),
        first_time=now if state.first_time is None else state.first_time,
        step=resumed.step,
        steps=steps,
        training_seconds=training_seconds(steps),
        evaluations=tuple(found for found in state.evaluations if found.step <= resumed.step),
        checkpoint=events.Checkpoint(time=now, step=resumed.step, folder=folder) if folder else None,
        warnings=state.warnings + tuple(resumed.skipped),
    )


def status(state: RunState, alive: bool | None, now: float, *, launched: bool) -> Status:
    """The run's state in a word at the time `now`. `alive` tells whether its process lives, None where nobody can know;
    `launched` whether it has had one.

    A last event outranks the process, which may still be on its way out; whatever is written after it is of a process
    that goes on. A run that is queued has no record yet: that is told by its queue.
    """
    match state.last:
        case events.Finished() | events.Predicted():
            return Status.FINISHED
        case events.Cancelled():
            return Status.CANCELLED
        case events.Failed():
            return Status.FAILED
    if alive is False:
        return Status.LOST if launched or state.first_time is not None else Status.PREPARED
    if state.stopping:
        return Status.STOPPING
    if silence(state.last_time, now) > patience(state.phase, state.rhythm):
        return Status.STALLED
    return Status.RUNNING if state.started or state.predicting else Status.STARTING


def read_run(folder: RunFolder) -> tuple[RunState, Status]:
    """State and status of a run as its folder stands now."""
    if queue_of(folder).place(folder):
        return RunState(), Status.QUEUED
    alive = is_run_alive(folder)  # asked first: a last event may come between the two
    state = with_due_end(fold(RunState(), Tail(folder.events).read()), folder, alive)
    return state, status(state, alive, time.time(), launched=was_launched(folder))


def with_due_end(state: RunState, folder: RunFolder, alive: bool | None) -> RunState:
    """`state` with the last event that the folder shows to be missing from its record, where no process can write it.
    Not to be folded further: the event may be written yet."""
    if state.last is None and alive is not True and (end := folder.due_end()):
        return fold(state, [end])
    return state


def _evaluations(before: Sequence[events.Evaluated], new: Sequence[events.Evaluated]) -> tuple[events.Evaluated, ...]:
    """One after a step: a run that was stopped after its last evaluation makes it again when it is resumed."""
    again = {evaluated.step for evaluated in new}
    return (*(evaluated for evaluated in before if evaluated.step not in again), *new)


def _of(kind: type[Item], items: Sequence[object]) -> tuple[Item, ...]:
    return tuple(item for item in items if isinstance(item, kind))


def _newest(kind: type[Item], items: Sequence[object], before: Item | None) -> Item | None:
    return next((item for item in reversed(items) if isinstance(item, kind)), before)
