"""Memory of the run: what its process holds of the card, or of the machine where there is no GPU."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.marks import MUTED
from arena_tui.plain import printable
from arena_tui.widgets.facts import Fact, facts
from arena_tui.widgets.pane import Pane
from core.runs.events import Device, Step


class MemoryPane(Pane):
    DEFAULT_CSS = """
    MemoryPane > Static { height: 1fr; }
    """

    tab_name = "memory"
    HELP = (
        "What the run's process holds of the card in GiB, as PyTorch counts it: in tensors, reserved, and the "
        "most so far; without a GPU, its resident memory. It is read with each logged point; how much the "
        "card has in all, the driver tells."
    )

    def compose(self) -> ComposeResult:
        yield Static("known with the first logged step", markup=False)

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view is None or view.state.started is None:
            return
        self.title = "GPU memory" if view.state.started.device.kind == "cuda" else "resident memory"
        if view.state.steps and (before is None or len(before.state.steps) != len(view.state.steps)):
            self._draw(view.state.started.device, view.state.steps[-1])

    def on_resize(self) -> None:
        if self.view and self.view.state.started and self.view.state.steps:
            self._draw(self.view.state.started.device, self.view.state.steps[-1])

    def _draw(self, device: Device, step: Step) -> None:
        width = self.scrollable_content_region.width
        bar = figures.bar(step.memory_peak, device.memory, width)
        filled = bar.count("━")
        self.query_one(Static).update(
            Content.assemble(
                facts(_rows(device, step), figures_right=True),
                "\n",
                (bar[:filled], "$accent"),
                (bar[filled:], "$foreground 25%"),
                "\n",
                (f"{figures.share(step.memory_peak, device.memory)} of {printable(device.name)}", MUTED),
            ),
            layout=False,
        )


def _rows(device: Device, step: Step) -> list[Fact]:
    def row(label: str, size: int) -> Fact:
        return label, figures.gib(size), figures.share(size, device.memory)

    peak = row("peak", step.memory_peak)
    if device.kind == "cpu":
        return [row("resident", step.memory_allocated), peak, ("machine", figures.gib(device.memory), "")]
    return [
        row("allocated", step.memory_allocated),
        row("reserved", step.memory_reserved),
        peak,
        ("card", figures.gib(device.memory), " "),
    ]
