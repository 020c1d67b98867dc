"""The memory that a run takes, and how much of its card or of the machine that is."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable
from arena_tui.runs.follow import RunView
from arena_tui.runs.panes import Pane
from arena_tui.widgets.facts import Fact, facts
from core.runs.events import Device, Step


class MemoryPane(Pane):
    DEFAULT_CSS = """
    MemoryPane > Static { height: 1fr; }
    """

    tab_name = "memory"
    HELP = (
        "GPU memory of the run's process in GiB, as PyTorch counts it: allocated to tensors, reserved, and the peak so "
        "far; without a GPU, its resident memory. Read with each logged point; the total of the GPU comes from the "
        "driver. Of several ranks it is that of the first; the pane of ranks has all."
    )

    def compose(self) -> ComposeResult:
        yield Static("known after the first logged step", markup=False)

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view is None or view.state.started is None:
            return
        kind = "GPU memory" if view.state.started.device.kind == "cuda" else "resident memory"
        self.title = f"{kind}, rank 0" if view.state.started.ranks else kind
        if view.state.steps and (before is None or len(before.state.steps) != len(view.state.steps)):
            self._draw(view.state.started.device, view.state.steps[-1])

    def on_resize(self) -> None:
        if self.view and self.view.state.started and self.view.state.steps:
            self._draw(self.view.state.started.device, self.view.state.steps[-1])

    def _draw(self, device: Device, step: Step) -> None:
        width = self.scrollable_content_region.width
        bar = numbers.bar(step.memory_peak, device.memory, width)
        filled = bar.count("━")
        whole = "the machine's memory" if device.kind == "cpu" else printable(device.name)
        self.query_one(Static).update(
            Content.assemble(
                facts(_memory(device, step), figures_right=True),
                "\n",
                (bar[:filled], "$accent"),
                (bar[filled:], "$foreground 25%"),
                "\n",
                (f"{numbers.share(step.memory_peak, device.memory)} of {whole}", MUTED),
            ),
            layout=False,
        )


def _memory(device: Device, step: Step) -> list[Fact]:
    def row(label: str, size: int) -> Fact:
        return label, numbers.gib(size), numbers.share(size, device.memory)

    peak = row("peak", step.memory_peak)
    if device.kind == "cpu":
        return [row("resident", step.memory_allocated), peak, ("machine", numbers.gib(device.memory), "")]
    return [
        row("allocated", step.memory_allocated),
        row("reserved", step.memory_reserved),
        peak,
        ("card", numbers.gib(device.memory), " "),
    ]
