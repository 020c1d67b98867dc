"""How long a run may be silent before it has stalled, by its own rhythm. Knows no record."""

from core.runs import events

SILENT_SECONDS = 60
"""A shorter silence is never worth a word."""
LOADING_SECONDS = 600
"""What reading a large model from a slow disk may take, without a sign."""
STALLED_AFTER = 5
"""So many times the longest silence before."""


def patience(phase: events.Phase | None, rhythm: float) -> float:
    """Seconds of silence after which a run in this phase has stalled; `rhythm` is the longest silence so far."""
    is_loading = phase is None or phase.phase in ("loading", "saving")
    return max(LOADING_SECONDS if is_loading else SILENT_SECONDS, STALLED_AFTER * rhythm)


def silence(last_time: float | None, now: float) -> float:
    """Seconds since the last event; 0 where the clock was set back since, and before the first."""
    return max(0.0, now - last_time) if last_time is not None else 0.0
