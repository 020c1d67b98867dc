"""The list of runs, as a table to read and as JSON for scripts."""

from collections.abc import Sequence

import msgspec

from arena_tui.format.sanitize import printable, utf8
from arena_tui.history.columns import DURATION, LOG_LOSS, MEMORY, PRIOR, SIZE, STATE, THROUGHPUT, Row, note_line
from arena_tui.runs.ranks import computed_on, devices

PRINTED = (STATE, LOG_LOSS, PRIOR, DURATION, THROUGHPUT, MEMORY, SIZE)


def as_table(rows: Sequence[Row]) -> str:
    """A line a run: its figures, its id, and what the user says of it."""
    headings = (_aligned(column.heading, column.width, column.is_text) for column in PRINTED)
    lines = ["  ".join([*headings, "run"])]
    for row in rows:
        cells = [_aligned(column.text(row), column.width, column.is_text) for column in PRINTED]
        name = f"  {printable(row.run.notes.name)}" if row.run.notes.name else ""
        trouble = f"  ! {printable(row.run.trouble)}" if row.run.trouble else ""
        note = f"  # {note_line(row)}" if row.run.notes.note else ""
        lines.append("  ".join([*cells, f"{printable(row.run.folder.id)}{name}{trouble}{note}"]))
    return "\n".join(lines)


def as_json(rows: Sequence[Row]) -> str:
    """A JSON list; sizes in bytes, times in seconds. What is not known is null."""
    return msgspec.json.encode([_object(row) for row in rows]).decode()


def _object(row: Row) -> dict[str, object]:
    run, state = row.run, row.run.state
    evaluated = state.reached
    return {
        "id": utf8(run.folder.id),
        "folder": utf8(str(run.folder.path)),
        "name": utf8(run.name),
        "profile": utf8(run.folder.name),
        "note": run.notes.note,
        "status": run.status,
        "trouble": run.trouble or None,
        "place": run.wait.place if run.wait else None,
        "started": state.first_time,
        "step": state.step,
        "steps": state.started.steps if state.started else None,
        "ranks": len(devices(state.started)) if state.started else None,
        "device": utf8(computed_on(state.started)) if state.started else None,
        "log_loss": run.log_loss,
        "accuracy": evaluated.accuracy if evaluated else None,
        "prior_log_loss": run.prior,
        "elapsed_seconds": state.elapsed,
        "tokens_per_second": state.tokens_per_second,
        "memory_peak": state.memory_peak or None,
        "disk": row.disk,
    }


def _aligned(text: str, width: int, is_text: bool) -> str:
    return text.ljust(width) if is_text else text.rjust(width)
