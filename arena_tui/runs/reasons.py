"""Why something cannot be done to a run as it is, in a few words: the same wherever its key is pressed."""

from collections.abc import Sequence

from arena_tui.runs.follow import RunView
from core.outcomes import difference
from core.runs.state import Status

OVER = "this run is over"
BY_SCRIPT = "of several machines: sbatch SCRIPT RUN_FOLDER resumes it, or --resume on each"
NO_STEPS = "an average trains no step"


def why_no_curves(run: RunView) -> str:
    """Why the run has no curves, "" where it has some or will have."""
    if run.awaits_start:
        return "there are no curves yet: the run is waiting"
    started = run.state.started
    return f"there are no curves: {NO_STEPS}" if started and started.average else ""


def why_not(action: str, run: RunView) -> str:
    """`action` is one of ABOUT; "" where it can be done."""
    match action:
        case "move" | "dequeue" | "adopt":
            return "" if run.wait else "only for a run that waits in the queue"
        case "stop":
            if run.status.is_over:
                return OVER
            return "it is waiting: there is no process to stop" if run.awaits_start else ""
        case "delete":
            if run.wait:
                return "it waits in the queue: remove it there"
            can_be = run.status.is_over or run.status is Status.PREPARED
            return "" if can_be else f"it is {run.status.value}: stop it first"
        case "report":
            if not run.evaluates:
                return "this run evaluates nothing: there is nothing to report on"
            return "" if run.has_report else "this run has not finished: there is no evaluation to report on"
        case "fix":
            if run.can_be_fixed and run.nodes > 1:
                return "of several machines: a launch script starts another with these settings"
            return "" if run.can_be_fixed else "no other settings are proposed for this run"
        case "resume":
            if run.status is Status.PREPARED:
                return "a launch script starts it"
            if run.can_be_resumed and run.nodes > 1:
                return BY_SCRIPT
            return "" if run.can_be_resumed else "only for a run that ended early, here"
        case "predict" | "try_out":
            return "" if run.status.is_over else "only for a run that has ended"
    return ""


def why_not_compared(runs: Sequence[RunView]) -> str:
    """Why these cannot be set against each other, "" where they can."""
    unlike = difference([(run.folder.id, run.outcomes) for run in runs])
    return f"{unlike}: their log losses cannot be compared" if unlike else ""


ABOUT = frozenset({"move", "dequeue", "adopt", "stop", "delete", "report", "fix", "resume", "predict", "try_out"})
"""Actions that depend on how a run is."""
