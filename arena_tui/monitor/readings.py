"""Small curves of single readings, and the memory of the run: of the card, or of the machine without one."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.format.status import MUTED
from arena_tui.plot.axes import Gappy, LargeTicks, Point, RateTicks, Ticks, limits
from arena_tui.plot.curve import Curve
from arena_tui.plot.pane import PlotPane, Words
from arena_tui.plot.plot import Plot
from arena_tui.runs.follow import RunView
from arena_tui.widgets.facts import Fact, facts
from arena_tui.widgets.pane import Pane
from core.runs.events import Device, Step


class HistoryPane(PlotPane):
    """`figure` is the field of a step that is shown; `written` writes it with its unit."""

    HELP = (
        "One reading of every logged point: the learning rate, the norm of all gradients before they are "
        "clipped, or the effective tokens (without padding) trained on in a second. ▲ marks what lies above "
        "the frame and × what was not a finite number; all points are read from events.jsonl."
    )

    def __init__(
        self,
        name: str,
        figure: str,
        written: Callable[[float | None], str],
        ticks: type[Ticks],
        *,
        id: str,
    ) -> None:
        super().__init__(Curve(figure), ticks, id=id)
        self.tab_name = name
        self._written = written
        self._above = 0

    def draw(self, view: RunView, plot: Plot, x_limits: Point, points: list[Gappy]) -> None:  # noqa: ARG002
        values = [y for _, y in points if y is not None]
        low, high = limits(values, always=[0.0] if points and not self.window else [])
        self._above = self.curve.above(high, *x_limits) if values and max(values) > high else 0
        plot.begin(x_limits, (low, high))
        plot.curve(points)

    def caption(self, view: RunView) -> Words:
        missing = len(self.curve.gaps)
        above = f"▲ {numbers.count(self._above)} above  " if self._above else ""
        newest = self._written(self.height(-1)) if view.state.steps else numbers.MISSING
        return [
            (self.tab_name, "bold"),
            (f"  × {numbers.count(missing)} not finite" if missing else "", "$text-error"),
            (f"  {above}{newest}", MUTED),
        ]

    def readings(self, view: RunView, index: int) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(self.tab_name, self._written(self.height(index)))]


def learning_rate() -> HistoryPane:
    return HistoryPane("learning rate", "learning_rate", numbers.rate, RateTicks, id="learning-rate")


def gradient_norm() -> HistoryPane:
    return HistoryPane("gradient norm", "grad_norm", numbers.norm, Ticks, id="gradient")


def throughput() -> HistoryPane:
    return HistoryPane(
        "throughput",
        "tokens_per_second",
        lambda value: f"{value or 0:,.0f} tokens/s",
        LargeTicks,
        id="throughput",
    )


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
        bar = numbers.bar(step.memory_peak, device.memory, width)
        filled = bar.count("━")
        self.query_one(Static).update(
            Content.assemble(
                facts(_rows(device, step), figures_right=True),
                "\n",
                (bar[:filled], "$accent"),
                (bar[filled:], "$foreground 25%"),
                "\n",
                (f"{numbers.share(step.memory_peak, device.memory)} of {printable(device.name)}", MUTED),
            ),
            layout=False,
        )


def _rows(device: Device, step: Step) -> list[Fact]:
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
