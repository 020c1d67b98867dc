"""The first line of the home screen: the program's name, and what of the machine is free."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from core.machine.gpus import Machine


class MachineLine(Static):
    DEFAULT_CSS = """
    MachineLine { text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.machine: Machine | None = None

    def show(self, machine: Machine) -> None:
        """Show it, if anything has changed by a hundredth: what is free flickers, and each change is sent to the
        terminal."""
        if self.machine and _is_like(machine, self.machine):
            return
        self.machine = machine
        free, total = numbers.gib(machine.memory_free), numbers.gib(machine.memory)
        name = printable(machine.name) if machine.card else "no GPU"
        if machine.others:
            name = f"{1 + machine.others} GPUs, the first {name}"
        words = f"{name} · {free} of {total} free · disk {numbers.gib(machine.disk_free)} free"
        self.update(Content(words), layout=False)


def _is_like(machine: Machine, shown: Machine) -> bool:
    return (
        (machine.name, machine.others) == (shown.name, shown.others)
        and abs(machine.memory_free - shown.memory_free) < shown.memory / 100
        and abs(machine.disk_free - shown.disk_free) < shown.disk_free / 100
    )


class TitleLine(Horizontal):
    """The first line of the screen: the program's name, and the machine."""

    DEFAULT_CSS = """
    TitleLine {
        height: 1;
        padding: 0 1;
        background: $panel;
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; }
        MachineLine { width: 1fr; }
    }
    """

    def __init__(self, is_readonly: bool) -> None:
        super().__init__()
        self._is_readonly = is_readonly

    def compose(self) -> ComposeResult:
        yield Static("arena-tui · read-only" if self._is_readonly else "arena-tui", id="title", markup=False)
        yield MachineLine()
