"""Asks before a run is stopped, and says what will be kept."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.plain import printable
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.keys import keys
from core.runs.state import Status


class StopScreen(Dialog[bool]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,y,enter", "dismiss(True)", "Stop the run", key_display="s"),
        Binding("escape,n,q", "dismiss(False)", "Go on", key_display="esc"),
    ]

    def __init__(self, run: RunView) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("stop this run?")
            yield Static(Content(printable(self._run.folder.id)), markup=False)
            yield Static(Content(f"\n{what_is_kept(self._run)}"), markup=False)
            yield Static(keys([("s", "stop it"), ("esc", "let it go on")]), classes="keys")


def what_is_kept(run: RunView) -> str:
    """What a stop now leaves behind, in the user's words."""
    state = run.state
    checkpoint = state.checkpoint
    newest = printable(checkpoint.folder) if checkpoint else None
    if run.status is Status.STOPPING:
        kept = f"{newest} is kept; later steps are lost" if newest else "no step is kept"
        return f"It was asked already and is on its way. Asked again, it ends at once: {kept}."
    match state.phase.phase if state.phase else "loading":
        case "training" | "evaluating":
            return (
                f"It finishes the step it is in, after {figures.count(state.step)}, saves a checkpoint of it, and "
                "ends. The checkpoint, the curves and the log are kept; no adapter folder is "
                "written. R resumes it later."
            )
        case "saving":
            return f"It is writing its result, which stays incomplete. Kept is {newest or 'no checkpoint'}."
    return "Nothing is trained yet: its profile and its log are kept, and no checkpoint."
