"""The curves of the monitor: the loss with its average and evaluations, and small ones of single readings."""

import math
from collections.abc import Callable

from textual.reactive import var

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.plot.axes import Gappy, LargeTicks, LogTicks, Point, RateTicks, Ticks, limits, position
from arena_tui.plot.curve import Average, Curve
from arena_tui.plot.pane import PlotPane, Words
from arena_tui.plot.plot import Plot
from arena_tui.runs.follow import RunView


class LossPane(PlotPane):
    tab_name = "loss"
    most = 16  # dots: those left out would hardly show
    HELP = (
        "The loss of each logged point, dim, and its moving average, bright: cross-entropy in nats per example, the "
        "mean since the point before. ● is the log loss of an evaluation, the dashed line that of a uniform guess: "
        "ln 3 = 1.0986 over three outcomes, ln 2 = 0.6931 over two; all points are read from events.jsonl."
    )
    is_log: var[bool] = var(False)
    smoothing: var[float] = var(0.9)

    def __init__(self, *, id: str) -> None:
        super().__init__(Curve("loss"), Ticks, id=id)
        self._average = Average(self.curve)
        self._above = 0

    def watch_is_log(self, is_log: bool) -> None:
        self.ticks = LogTicks if is_log else Ticks
        self.redraw()

    def watch_smoothing(self) -> None:
        self.redraw()

    def follow(self, view: RunView) -> bool:
        goes_on = super().follow(view)
        self._average.follow(self.smoothing, goes_on=goes_on)
        return goes_on

    def draw(self, view: RunView, plot: Plot, x_limits: Point, points: list[Gappy]) -> None:
        raw = self._heights(points)
        evaluated = [
            (x, y)
            for e in view.state.evaluations
            if x_limits[0] <= (x := position(self.axis, e, view.state)) <= x_limits[1]
            and (y := self._height(e.log_loss)) is not None
        ]
        uniform = self._height(view.outcomes.uniform_log_loss)
        assert uniform is not None
        values = [y for _, y in raw if y is not None]
        low, high = limits(values, always=[y for _, y in evaluated] + ([] if self.window and values else [uniform]))
        is_any_above = values and max(values) > high
        self._above = self.curve.above(10**high if self.is_log else high, *x_limits) if is_any_above else 0
        plot.begin(x_limits, (low, high))
        plot.reference(uniform)
        plot.raw(raw)
        if self.smoothing:
            plot.curve(self._heights(self._average.in_sight(*x_limits, plot.columns, PlotPane.most)))
        plot.marks(evaluated, "●")

    def height(self, index: int) -> float | None:
        return self._height(super().height(index))

    def caption(self, view: RunView) -> Words:
        above = f"▲ {numbers.count(self._above)} above  " if self._above else ""
        kind = f"━ smoothed {self.smoothing:g}" if self.smoothing else "not smoothed"
        return [
            (f"{'log ' if self.is_log else ''}loss by {self.axis.value}", "bold"),
            (f"  {warning}" if (warning := self._not_finite(view)) else "", "$text-error"),
            (f"  {above}· each logged  {kind}  ● evaluation  ⠒ {view.outcomes.uniform}", MUTED),
        ]

    def readings(self, view: RunView, index: int) -> list[tuple[str, str]]:
        step = view.state.steps[index]
        read = [("loss", numbers.loss(step.loss))]
        if self.smoothing and not math.isnan(average := self._average.ys[index]):
            read.append(("smoothed", numbers.loss(average)))
        if view.state.evaluations:
            near = min(view.state.evaluations, key=lambda evaluation: abs(evaluation.step - step.step))
            read.append(("eval", f"{numbers.loss(near.log_loss)} at {numbers.count(near.step)}"))
        return read

    def _heights(self, points: list[Gappy]) -> list[Gappy]:
        return [(x, self._height(y)) for x, y in points] if self.is_log else points

    def _height(self, loss: float | None) -> float | None:
        if loss is None or not self.is_log:
            return loss
        return math.log10(loss) if loss > 0 else None

    def _not_finite(self, view: RunView) -> str:
        """Where the loss was not a finite number, in words; nothing where it always was one."""
        gaps = self.curve.gaps
        rest = f" and {numbers.count(len(gaps) - 2)} more" if len(gaps) > 2 else ""
        steps = ", ".join(numbers.count(view.state.steps[i].step) for i in gaps[:2])
        return f"× not finite at step {steps}{rest}" if gaps else ""


class HistoryPane(PlotPane):
    """`figure` is the field of a step that is shown; `written` writes it with its unit."""

    HELP = (
        "The value at every logged point: learning rate, gradient norm before clipping, or effective tokens (padding "
        "left out) per second. ▲ marks what lies above the frame and × what was not a finite number; all points are "
        "read from events.jsonl."
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
