"""What a run leaves behind if it is ended now, in the user's words. Pure; knows no screen."""

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.plain import printable


def what_is_kept(run: RunView) -> str:
    """By a stop that saves."""
    state = run.state
    match state.phase.phase if state.phase else "loading":
        case "training" | "evaluating":
            return (
                f"It finishes the step it is in, after {figures.count(state.step)}, saves a checkpoint and the adapter "
                "of it, and ends. It can be resumed later."
            )
        case "saving":
            newest = printable(state.checkpoint.folder) if state.checkpoint else "no checkpoint"
            return f"It is writing its result, which stays incomplete. Kept is {newest}."
    return "Nothing is trained yet: its profile and its log are kept, and no checkpoint."


def what_is_lost(run: RunView) -> str:
    """By an end at once."""
    checkpoint = run.state.checkpoint
    if checkpoint is None:
        return "No step is kept." if run.state.step else "Nothing is trained yet."
    lost = run.state.step - checkpoint.step
    after = f"; {figures.count(lost)} steps after it are lost" if lost > 0 else ""
    return f"Kept is {printable(checkpoint.folder)}{after}."


def what_is_not_back(held: int) -> str:
    """Of a card's memory, in bytes, after an end."""
    return (
        f"its processes are gone, but the card has {figures.gib(held)} less free than it should: another process may "
        "have taken it, nvidia-smi tells"
    )
