"""What the evaluations of a run gained, and whether it finished early for want of gains, in words and figures."""

from arena_tui.format import numbers
from core.runs import events
from core.runs.figures import Gain
from core.runs.state import RunState


def finished(state: RunState) -> str:
    """How a run that has finished did so, in a word or two."""
    return "finished early" if state.has_steps_left else "finished"


def since_gain(gain: Gain) -> tuple[str, str]:
    """How far the log loss is from that of the last evaluation that gained; and its interval, with that one's step."""
    return numbers.difference(-gain.lower), f"± {gain.margin:.4f} since step {numbers.count(gain.since)}"


def steps(state: RunState, started: events.Started) -> tuple[str, str, str]:
    """The steps done of those that were to be; and for how many evaluations nothing was gained, where that ended it."""
    of, newest = f"of {numbers.count(started.steps)}", state.evaluations[-1] if state.evaluations else None
    if isinstance(state.last, events.Finished) and state.has_steps_left and newest and newest.gain:
        of += f"; no gain in {numbers.counted(newest.gain.without, 'evaluation')}"
    return "steps", numbers.count(state.step), of
