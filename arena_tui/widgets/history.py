"""The history of one reading of the training steps as a small curve, with its newest value in words."""

from collections.abc import Callable

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.series import Gappy, axis_end, position
from arena_tui.widgets.plot import Plot
from arena_tui.widgets.plot_pane import PlotPane
from arena_tui.widgets.ticks import LargeTicks, RateTicks, Ticks, axis_ticks
from core.runs.events import Step


class HistoryPane(PlotPane):
    """`reading` takes the value out of a step; `written` writes it with its unit."""

    def __init__(
        self,
        name: str,
        reading: Callable[[Step], float | None],
        written: Callable[[float | None], str],
        ticks: type[Ticks],
        *,
        id: str,
    ) -> None:
        super().__init__(id=id)
        self.tab_name = name
        self._reading = reading
        self._written = written
        self._ticks = ticks

    def draw(self, view: RunView, plot: Plot) -> None:
        state = view.state
        points: list[Gappy] = [(position(self.axis, s, state), self._reading(s)) for s in state.steps]
        missing = [x for x, y in points if y is None]
        plot.set_x_formatter(axis_ticks(self.axis, plot.most_x_ticks))
        plot.set_y_formatter(self._ticks(plot.most_y_ticks))
        values = [y for _, y in points if y is not None]
        above = plot.begin(axis_end(self.axis, state, view.status.is_over), values, always=[0.0] if points else [])
        plot.curve(points)
        plot.marks_at_bottom(missing, "×")

        newest = self._written(points[-1][1]) if points else figures.MISSING
        warning = f"× {figures.count(len(missing))} not finite" if missing else ""
        self.caption(self.tab_name, warning, f"▲ {above} above  {newest}" if above else newest)


def learning_rate() -> HistoryPane:
    return HistoryPane("learning rate", lambda step: step.learning_rate, figures.rate, RateTicks, id="learning-rate")


def gradient_norm() -> HistoryPane:
    return HistoryPane("gradient norm", lambda step: step.grad_norm, figures.norm, Ticks, id="gradient")


def throughput() -> HistoryPane:
    return HistoryPane(
        "throughput",
        lambda step: step.tokens_per_second,
        lambda value: f"{value or 0:,.0f} effective tokens/s",
        LargeTicks,
        id="throughput",
    )
