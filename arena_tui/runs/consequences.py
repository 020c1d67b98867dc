"""What is lost when a run is ended, or deleted with what hangs on it, in the user's words. Knows no screen."""

from collections.abc import Sequence

from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.runs.follow import RunView
from core.predict.folder import PredictionFolder
from core.runs.checkpoints import DiskUse, Pruning
from core.runs.state import Status


def what_is_deleted(run: RunView, disk: DiskUse) -> str:
    """A question that names a run, its size and what of it would go."""
    parts = ["its record and log"]
    if isinstance(run.folder, PredictionFolder):
        parts.append("scored rows and predictions" if run.status is Status.FINISHED else "scored rows")
    if disk.adapter:
        parts.append(f"an adapter of {numbers.gib(disk.adapter)}")
    if disk.checkpoints:
        parts.append(f"checkpoints of {numbers.gib(disk.checkpoints)}")
    result = f", evaluation log loss {numbers.loss(run.log_loss)}" if run.state.evaluations else ""
    return (
        f"Delete {_named(run)} ({run.status}{result})? It holds {numbers.gib(disk.total)}: {', '.join(parts)}. It goes "
        "to the trash, and uses this much disk until the trash is emptied."
    )


def what_is_pruned(prunings: Sequence[Pruning]) -> str:
    """How much pruning frees in all, what would be deleted of each run, and what stays."""
    lines = []
    for pruning in prunings:
        going = ", ".join(printable(path.name) for path in pruning.paths)
        kept = ", ".join(map(printable, pruning.kept)) or "none, so it cannot be resumed"
        lines.append(f"{printable(pruning.run.id)}: {going} ({numbers.gib(pruning.size)}); kept: {kept}")
    total = numbers.gib(sum(pruning.size for pruning in prunings))
    return "\n".join([f"{total} of checkpoints to delete:", *lines])


def _named(run: RunView) -> str:
    name = f"{printable(run.notes.name)}, " if run.notes.name else ""
    kind = "the prediction " if isinstance(run.folder, PredictionFolder) else ""
    return f"{kind}{name}{printable(run.folder.id)}"


def what_is_kept(run: RunView) -> str:
    """By a stop that saves."""
    state = run.state
    match state.phase.phase if state.phase else "loading":
        case "training" | "evaluating":
            return (
                f"It finishes the step after step {numbers.count(state.step)}, saves a checkpoint and its adapter, and "
                "ends. It can be resumed later."
            )
        case "saving":
            newest = printable(state.checkpoint.folder) if state.checkpoint else "no checkpoint"
            return f"It is writing its result, which stays incomplete; {newest} is kept."
    return "Nothing is trained yet: its profile and its log are kept; there is no checkpoint."


def what_is_lost(run: RunView) -> str:
    """By an end at once."""
    checkpoint = run.state.checkpoint
    if checkpoint is None:
        return "No step is kept." if run.state.step else "Nothing is trained yet."
    lost = run.state.step - checkpoint.step
    after = f"; {numbers.counted(lost, 'step')} after it {'is' if lost == 1 else 'are'} lost" if lost > 0 else ""
    return f"{printable(checkpoint.folder)} is kept{after}."


def what_is_not_back(held: int) -> str:
    """Of a card's memory, in bytes, after an end."""
    return (
        f"its processes are gone, but the card has {numbers.gib(held)} less free than it should: nvidia-smi shows "
        "whether another process uses it"
    )
