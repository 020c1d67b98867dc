"""Asks, before the console is left while runs go on, what becomes of them."""

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.sanitize import printable
from arena_tui.runs.consequences import what_is_kept
from arena_tui.runs.follow import RunView
from arena_tui.runs.waits import Wait, without_console
from core.runs.actions import CannotStop, stop
from core.runs.stopping import Rung


class Leaving(Enum):
    BACK = "back"
    LEAVE = "leave"
    STOP = "stop"


class QuitScreen(Dialog[Leaving]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,enter,q", "answer('LEAVE')", "Leave it running", key_display="l"),
        Binding("s", "answer('STOP')", "Stop it"),
        Binding("escape,n", "answer('BACK')", "Back", key_display="esc"),
    ]

    def __init__(self, runs: Sequence[RunView], waiting: Sequence[Wait]) -> None:
        super().__init__()
        self._runs = runs
        self._waiting = waiting

    def compose(self) -> ComposeResult:
        one = len(self._runs) == 1
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("a run goes on" if one else f"{len(self._runs)} runs go on")
            for run in self._runs:
                yield Static(Content.styled(printable(run.folder.id), "bold"), markup=False)
            yield Static(
                Content("\nLeft running, it needs neither this console nor the connection; open it again to watch.")
            )
            if self._waiting:
                yield Static(Content(without_console(self._waiting)), markup=False)
            if one:
                yield Static(Content(f"Stopped: {what_is_kept(self._runs[0])}"), markup=False)
            them = "it" if one else "them"
            answers = [("l", f"leave {them} running"), ("s", f"stop {them}"), ("esc", "back")]
            yield Static(keys(answers), classes="keys")

    def action_answer(self, name: str) -> None:
        self.dismiss(Leaving[name])


def ask_to_stop(run: RunView) -> str:
    """Ask a run to end, and say what came of it in a line."""
    try:
        stop(run.folder, Rung.SAVE)
    except CannotStop as error:
        return printable(f"not stopped: {error}")
    return f"asked to stop: {printable(run.folder.id)}; it saves a checkpoint and ends on its own"
