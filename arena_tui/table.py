"""The list of runs, as a table to read and as JSON for scripts."""

from collections.abc import Sequence

import msgspec

from arena_tui.figures import duration
from arena_tui.plain import printable
from core.runs.folder import RunFolder
from core.runs.state import read_run


def as_table(folders: Sequence[RunFolder]) -> str:
    """A line a run: status, step, log loss, duration, id."""
    lines = [f"{'status':<10} {'step':>13} {'log loss':>9} {'elapsed':>9}  run"]
    for folder in folders:
        state, status = read_run(folder)
        steps = f"{state.step:,} / {state.started.steps:,}" if state.started else "-"
        losses = [f"{evaluated.log_loss:.4f}" for evaluated in state.evaluations[-1:] if evaluated.log_loss is not None]
        log_loss = losses[0] if losses else "-"
        elapsed = duration(state.elapsed)
        lines.append(f"{status:<10} {steps:>13} {log_loss:>9} {elapsed:>9}  {printable(folder.id)}")
    if not folders:
        lines.append("no runs yet: arena-tui demo makes one")
    return "\n".join(lines)


def as_json(folders: Sequence[RunFolder]) -> str:
    """A JSON list: id, folder, status, step, steps, the last evaluation, elapsed seconds."""
    rows = []
    for folder in folders:
        state, status = read_run(folder)
        evaluated = state.evaluations[-1] if state.evaluations else None
        rows.append(
            {
                "id": folder.id,
                "folder": str(folder.path),
                "status": status,
                "step": state.step,
                "steps": state.started.steps if state.started else None,
                "log_loss": evaluated.log_loss if evaluated else None,
                "accuracy": evaluated.accuracy if evaluated else None,
                "elapsed_seconds": state.elapsed,
            }
        )
    return msgspec.json.encode(rows).decode()
