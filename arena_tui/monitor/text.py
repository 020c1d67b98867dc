"""A run told line by line, for pipes and plain terminals."""

import signal
import sys
import time
from collections.abc import Callable
from typing import TextIO

from msgspec.structs import replace

from arena_tui.format import numbers
from arena_tui.format.numbers import count, counted, duration, gib
from arena_tui.format.sanitize import printable, printable_lines
from arena_tui.runs.average import told
from arena_tui.runs.gains import finished, since_gain
from arena_tui.runs.ranks import computed_on, slowest
from arena_tui.runs.stages import how_far, stage
from core.outcomes import outcomes_of
from core.runs import events
from core.runs.average import Average
from core.runs.events import AnyEvent
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive, was_launched
from core.runs.process import killed_for_memory, log_end
from core.runs.queue import queue_of
from core.runs.record import Tail
from core.runs.state import RunState, Status, fold, status, with_due_end
from core.runs.steps import peaks
from core.runs.stopping import NOW, stopped_by

POLL_SECONDS = 0.2


class PrintedSoFar:
    """How much of a run's record has been printed, and the state that it folds to."""

    def __init__(self, folder: RunFolder) -> None:
        self.tail = Tail(folder.events)
        self.state = RunState()

    @classmethod
    def up_to_now(cls, folder: RunFolder) -> "PrintedSoFar":
        """All of it that there is now."""
        printed = cls(folder)
        for batch in printed.tail.batches():
            printed.state = _brief(fold(printed.state, batch))
        return printed

    @classmethod
    def of_run_to_go_on(cls, folder: RunFolder) -> "PrintedSoFar":
        """All of it that there is now, of a run that is about to go on: it is not over, though it has yet to say so."""
        printed = cls.up_to_now(folder)
        printed.state = replace(printed.state, last=None)
        return printed


def follow(
    folder: RunFolder,
    out: TextIO,
    printed: PrintedSoFar | None = None,
    tell: Callable[[AnyEvent], None] | None = None,
) -> tuple[RunState, Status]:
    """Print a line for each event that says something new, until the run is over; what was `printed` is passed over.
    If there is a `tell`, it gets every event instead."""
    printed = printed or PrintedSoFar(folder)
    queue = queue_of(folder)
    told_place, is_told_prepared = None, False
    while True:
        if (place := queue.place(folder)) and place != told_place:
            print(f"queued: {numbers.ordinal(place)}; it starts by itself", file=out, flush=True)
            told_place = place
        try:
            alive = is_run_alive(folder)  # asked first: a last event may come between the two
        except FileNotFoundError:
            print(f"gone: {printable(str(folder.path))} was deleted or moved away", file=sys.stderr)
            return printed.state, Status.LOST
        new = printed.tail.read()
        for event in new:
            line = None if tell else _line(event, printed.state)
            printed.state = _brief(fold(printed.state, [event]))
            if tell:
                tell(event)
            elif line is not None:
                print(line, file=out, flush=True)
        if (ended := with_due_end(printed.state, folder, alive)) is not printed.state:
            print("its last event is missing, but its results are complete: arena-tui resume adds the event", file=out)
            printed.state = ended
        now = Status.QUEUED if place else status(printed.state, alive, time.time(), launched=was_launched(folder))
        if now is Status.PREPARED and not is_told_prepared:
            print("prepared: a launch script starts it", file=out, flush=True)
            is_told_prepared = True
        if now is Status.LOST:
            why = "; meanwhile the kernel killed processes because memory ran out" if killed_for_memory(folder) else ""
            print(f"lost: the process ended without a last event{why}. Its log ends:", file=sys.stderr)
            for line in printable_lines(log_end(folder)):
                print(line, file=sys.stderr)
        if now.is_over:
            return printed.state, now
        if not new:
            time.sleep(POLL_SECONDS)


def exit_code(state: RunState) -> int:
    """What the run's own process exits with, told from its record; 1 where that does not tell."""
    match state.last:
        case events.Finished() | events.Predicted():
            return 0
        case events.Cancelled():
            heard = signal.Signals.__members__.get(state.last.signal)  # of another system, or not a signal's name
            return 128 + heard if heard else 1
        case events.Failed():
            return state.last.exit_code
    return 1


def _brief(state: RunState) -> RunState:
    """Without the histories, which no line needs: they would be copied for each event."""
    return replace(state, steps=state.steps[-1:], evaluations=state.evaluations[-1:])


def _runs(ids: list[str]) -> str:
    return printable(ids[0]) if len(ids) == 1 else f"{len(ids)} runs averaged"


def _quarter(phase: events.Phase) -> tuple[str, str, int]:
    """What is told once: a phase, or each quarter of a stage of it."""
    done = min(3, 4 * (phase.done or 0) // phase.total) if phase.detail and phase.total else 0
    return phase.phase, phase.detail or phase.unit, done


def _waiting(step: events.Step) -> str:
    """Which of several ranks the others wait for, and what that costs those that wait the longest."""
    rank = slowest(step.ranks)
    most = max((reading.waited for reading in step.ranks), default=0.0)
    return "" if rank is None else f"  rank {rank} slowest, others wait up to {numbers.percent(most)}"


def _gain(evaluated: events.Evaluated) -> str:
    """How far its log loss is from that of the last evaluation that gained, and whether it gains itself."""
    if (gain := evaluated.gain) is None:
        return ""
    found = f"no gain in {counted(gain.without, 'evaluation')}" if gain.without else "gain"
    return f"; {found}: {' '.join(since_gain(gain))}"


def _line(event: AnyEvent, before: RunState) -> str | None:
    match event:
        case events.Started(average=Average() as average):
            evaluated = f"{counted(event.rows_eval, 'row')} to evaluate" if event.rows_eval else "nothing to evaluate"
            return f"{told(average)}\nstarted: it is loaded on {printable(event.device.name)}; {evaluated}"
        case events.Started():
            adapted = f" by adapters on {printable(', '.join(event.adapted))} and a head" if event.adapted else ""
            reason = f": {printable(event.engine_reason)}" if event.engine_reason else ""
            evaluated = f"{count(event.rows_eval)} evaluation rows" if event.rows_eval else "no evaluation rows"
            return (
                f"started: {count(event.rows_train)} training and {evaluated}, {count(event.rows_cut)} cut; "
                f"{count(event.steps)} steps of {event.global_batch}; {count(event.trainable_parameters)} of "
                f"{count(event.total_parameters)} parameters trained{adapted}; {event.precision} on "
                f"{printable(computed_on(event))}, {event.engine} engine{reason}"
            )
        case events.Phase():
            if before.phase and _quarter(before.phase) == _quarter(event):
                return None
            of = count(event.total) if event.total else ""
            what = how_far(event) if event.detail else f"{of} {printable(event.unit)}".strip()
            return f"{stage(event)}{': ' if event.detail and what else ' ' if what else ''}{what}"
        case events.Step():
            total = before.started.steps if before.started else event.step
            remaining = "" if before.remaining is None else f"  {duration(before.remaining)} left"
            peak = gib(max(peaks([event])))
            return (
                f"step {event.step:>{len(str(total))}} of {total}  loss {numbers.loss(event.loss)}  "
                f"lr {numbers.rate(event.learning_rate)}  grad norm {numbers.norm(event.grad_norm)}  "
                f"{count(round(event.tokens_per_second))} tokens/s  peak {peak}{_waiting(event)}{remaining}"
            )
        case events.Evaluated():
            prior = before.started.prior_log_loss if before.started else None
            outcomes = outcomes_of(before.started.outcomes if before.started else "auto")
            uniform = f"{outcomes.uniform} {numbers.loss(outcomes.uniform_log_loss)}"
            return (
                f"evaluated at step {event.step}: log loss {numbers.loss(event.log_loss)} "
                f"({uniform}, prior {numbers.loss(prior)}), accuracy {numbers.percent(event.accuracy)}, "
                f"{counted(event.rows, 'row')} in {duration(event.seconds)}{_gain(event)}"
            )
        case events.Checkpoint():
            return f"saved {event.folder}"
        case events.Warning():
            return f"warning: {printable(event.message)}"
        case events.Stopping():
            if event.signal == NOW.name or before.stopping:
                return f"stopping on {event.signal}: at once"
            is_training = before.started is not None  # else there is no step to finish, as in a prediction
            return f"stopping on {event.signal}{': finishing the step, then saving' if is_training else ''}"
        case events.Resumed():
            skipped = "".join(f"; {printable(reason)}" for reason in event.skipped)
            return f"resumed from {event.checkpoint or 'the beginning: no checkpoint is intact'}{skipped}"
        case events.Finished():
            if event.accuracy is None:
                return "finished: nothing was evaluated"
            accuracy = numbers.percent(event.accuracy)
            return f"{finished(before)}: evaluation log loss {numbers.loss(event.log_loss)}, accuracy {accuracy}"
        case events.Predicting():
            orders = ", each in both orders" if event.swapped else ""
            kept = (
                f"; {count(event.rows_kept)} of {count(event.rows_total)} are scored already" if event.rows_kept else ""
            )
            return (
                f"scoring: {counted(event.rows, 'row')}{orders}, {count(event.rows_cut)} cut, with {_runs(event.runs)}"
                f"; {event.precision}, {event.engine}, on {printable(event.device.name)}{kept}"
            )
        case events.PredictionProgress():
            total = before.predicting.rows_total if before.predicting else event.rows
            seconds = before.remaining if before.prediction_progress else None
            left = "" if seconds is None else f"  {duration(seconds)} left"
            return (
                f"row {event.rows:>{len(str(total))}} of {total}  {event.rows_per_second:.1f} rows/s  "
                f"{count(round(event.tokens_per_second))} tokens/s  peak {gib(event.memory_peak)}{left}"
            )
        case events.Predicted():
            figures_of = (
                f": log loss {numbers.loss(event.log_loss)}, accuracy {numbers.percent(event.accuracy)}"
                if event.log_loss is not None and event.accuracy is not None
                else ""
            )
            return f"predicted {counted(event.rows, 'row')}{figures_of}; wrote {printable(event.submission)}"
        case events.Cancelled() if before.predicting:
            asked, progress = before.predicting, before.prediction_progress
            rows = progress.rows if progress else asked.rows_kept
            return (
                f"cancelled with {count(rows)} of {counted(asked.rows_total, 'row')} scored: they are kept, and "
                "the same command resumes"
            )
        case events.Cancelled():
            kept = f"{event.kept} is kept" if event.kept else "nothing to keep yet"
            adapter = f"; the adapter after it is in {event.adapter}/" if event.adapter else ""
            who = stopped_by(event)
            by = "" if who == "you" else f"; stopped by {printable(who)}"
            return f"cancelled after step {event.step}: {kept}{adapter}{by}"
        case events.Failed():
            below = [event.advice, *map(str, event.changes)]
            return "\n  ".join([f"failed: {printable(event.cause)}", *map(printable, filter(None, below))])
