"""Adds to a record what its process was killed before writing, where the folder tells it: the last event."""

from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive
from core.runs.lock import locked
from core.runs.record import Record, Tail
from core.runs.state import RunState, fold


def add_due_end(folder: RunFolder) -> bool:
    """Write the last event of a run that completed without it; False where there is none to write. Raises OSError."""
    with locked(folder.lock) as is_ours:
        if not is_ours or is_run_alive(folder) or fold(RunState(), Tail(folder.events).read()).last:
            return False
        end = folder.due_end()
        if end is None:
            return False
        with Record(folder.events) as record:
            record.write(end)
    return True
