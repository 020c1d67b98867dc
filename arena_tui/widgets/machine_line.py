"""What the machine has free for a run, in one line."""

from textual.content import Content
from textual.widgets import Static

from arena_tui import figures
from arena_tui.plain import printable
from core.runs.machine import Machine


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
        free, total = figures.gib(machine.memory_free), figures.gib(machine.memory)
        name = printable(machine.name) if machine.card else "no GPU"
        words = f"{name} · {free} of {total} free · disk {figures.gib(machine.disk_free)} free"
        self.update(Content(words), layout=False)


def _is_like(machine: Machine, shown: Machine) -> bool:
    return (
        machine.name == shown.name
        and abs(machine.memory_free - shown.memory_free) < shown.memory / 100
        and abs(machine.disk_free - shown.disk_free) < shown.disk_free / 100
    )
