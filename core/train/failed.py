"""The last event of a run that fails."""

from core.runs.checkpoints import checkpoints
from core.runs.events import Failed
from core.runs.folder import RunFolder


def explained(folder: RunFolder, error: Exception) -> Failed:
    """The last event of a run that ends with `error`."""
    from core.failures.explain import Situation, explain

    why = explain(error, Situation.of(folder))
    intact = next((kept.path for kept in checkpoints(folder.checkpoints) if kept.problem is None), None)
    return Failed(
        cause=why.cause,
        advice=why.advice,
        exit_code=why.exit_code,
        changes=why.changes,
        kept=str(intact.relative_to(folder.path)) if intact else "",
    )
