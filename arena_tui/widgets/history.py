"""The history of one reading of the training steps as a small curve, with its newest value in words."""

from collections.abc import Callable

from arena_tui import figures
from arena_tui.curve import Curve
from arena_tui.follow import RunView
from arena_tui.marks import MUTED
from arena_tui.series import Gappy, Point, limits
from arena_tui.widgets.plot import Plot
from arena_tui.widgets.plot_pane import PlotPane, Words
from arena_tui.widgets.ticks import LargeTicks, RateTicks, Ticks


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
        above = f"▲ {figures.count(self._above)} above  " if self._above else ""
        newest = self._written(self.height(-1)) if view.state.steps else figures.MISSING
        return [
            (self.tab_name, "bold"),
            (f"  × {figures.count(missing)} not finite" if missing else "", "$text-error"),
            (f"  {above}{newest}", MUTED),
        ]

    def readings(self, view: RunView, index: int) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(self.tab_name, self._written(self.height(index)))]


def learning_rate() -> HistoryPane:
    return HistoryPane("learning rate", "learning_rate", figures.rate, RateTicks, id="learning-rate")


def gradient_norm() -> HistoryPane:
    return HistoryPane("gradient norm", "grad_norm", figures.norm, Ticks, id="gradient")


def throughput() -> HistoryPane:
    return HistoryPane(
        "throughput",
        "tokens_per_second",
        lambda value: f"{value or 0:,.0f} tokens/s",
        LargeTicks,
        id="throughput",
    )
