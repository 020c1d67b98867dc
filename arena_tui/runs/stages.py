"""What a run is doing, in words, and how far it is with that. Knows no widget."""

from arena_tui.format.numbers import count
from arena_tui.format.sanitize import printable
from core.runs.events import Phase
from core.runs.state import RunState


def stage(phase: Phase) -> str:
    """What is done, and what is waited for."""
    return printable(phase.detail) or phase.phase


def how_far(phase: Phase) -> str:
    """Done of total, where both are known; else empty."""
    return f"{count(phase.done or 0)} of {count(phase.total)} {printable(phase.unit)}" if phase.total else ""


def has_no_heartbeat(state: RunState) -> bool:
    """Whether events of the run do not tell the time: before its first step or row, and while it saves."""
    if state.phase and state.phase.phase == "saving":
        return True
    return state.training_since is None and state.prediction_progress is None
