"""What is lost when runs or parts of them are deleted, in the user's words. Pure; knows no screen."""

from collections.abc import Sequence

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.plain import printable
from core.runs.disk import DiskUse
from core.runs.pruning import Pruning


def what_is_deleted(run: RunView, disk: DiskUse) -> str:
    """A question that names a run, its size and what of it would go."""
    parts = ["its record and log"]
    if disk.adapter:
        parts.append(f"an adapter of {figures.gib(disk.adapter)}")
    if disk.checkpoints:
        parts.append(f"checkpoints of {figures.gib(disk.checkpoints)}")
    result = f", evaluation log loss {figures.loss(run.log_loss)}" if run.state.evaluations else ""
    return (
        f"Delete {_named(run)} ({run.status}{result})? It holds {figures.gib(disk.total)}: {', '.join(parts)}. "
        "It goes to the trash, which takes as much of the disk until it is emptied."
    )


def what_is_pruned(prunings: Sequence[Pruning]) -> str:
    """How much pruning frees in all, what would be deleted of each run, and what stays."""
    lines = []
    for pruning in prunings:
        going = ", ".join(printable(path.name) for path in pruning.paths)
        kept = ", ".join(map(printable, pruning.kept)) or "none, so that it cannot be resumed"
        lines.append(f"{printable(pruning.run.id)}: {going} ({figures.gib(pruning.size)}); kept: {kept}")
    total = figures.gib(sum(pruning.size for pruning in prunings))
    return "\n".join([f"{total} of checkpoints to delete:", *lines])


def _named(run: RunView) -> str:
    name = f"{printable(run.notes.name)}, " if run.notes.name else ""
    return f"{name}{printable(run.folder.id)}"
