"""The losses of several runs in one plot: each in a colour of its own and marked with its number."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui.compare.tables import legend
from arena_tui.format.numbers import MUTED
from arena_tui.plot.axes import MOST, Axis, Gappy, Ticks, axis_end, axis_ticks, limits, position
from arena_tui.plot.curve import Average, Curve
from arena_tui.plot.plot import Plot
from arena_tui.runs.follow import RunView

NUMBERS_ON_A_CURVE = 5
MOST_IN_A_COLUMN = 6
"""Of more points in a column of dots than this, those left out would hardly show."""


class RunsPlot(Plot):
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"plot--run-{number}" for number in range(1, MOST + 1)}
    DEFAULT_CSS = "\n".join(
        f"RunsPlot > .plot--run-{number} {{ color: $run-{number}; }}" for number in range(1, MOST + 1)
    )


class LossOfRuns:
    """One run's loss over an axis, added to as the run goes on."""

    def __init__(self) -> None:
        self.curve = Curve("loss")
        self._average = Average(self.curve)

    def follow(self, run: RunView, axis: Axis, smoothing: float) -> None:
        goes_on = self.curve.follow(run.state, axis)
        self._average.follow(smoothing, goes_on=goes_on)

    def in_sight(self, right: float, columns: int, smoothing: float) -> list[Gappy]:
        """Smoothed points, or single readings, from the beginning to `right`."""
        drawn = self._average if smoothing else self.curve
        return drawn.in_sight(0.0, right, columns, MOST_IN_A_COLUMN)


class ComparisonPlot(Vertical):
    DEFAULT_CSS = """
    ComparisonPlot {
        & > .caption { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .legend { height: auto; max-height: 6; padding: 0 1; }
        &.-current Plot > .plot--axis { color: $accent; }
    }
    """

    runs: var[tuple[RunView, ...]] = var(())
    axis: var[Axis] = var(Axis.STEP)
    smoothing: var[float] = var(0.9)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._losses = [LossOfRuns() for _ in range(MOST)]

    def compose(self) -> ComposeResult:
        yield Static(classes="caption", markup=False)
        yield RunsPlot()
        yield Static(classes="legend", markup=False)

    def watch_runs(self) -> None:
        self._arrange()

    def watch_axis(self) -> None:
        self.redraw()

    def watch_smoothing(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """The legend first: the plot has the place that it leaves."""
        if self.is_mounted:
            self.query_one(".legend", Static).update(legend(self.runs, self.size.width - 2))
            self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw, once there is something to draw and a place for it."""
        if not (self.is_mounted and self.runs and self.is_on_screen):
            return
        plot = self.query_one(RunsPlot)
        if plot.columns < 2 or plot.size.height < 4:
            return
        right = max(axis_end(self.axis, run.state, run.status.is_over) for run in self.runs) or 1.0
        curves = []
        for run, losses in zip(self.runs, self._losses, strict=False):
            losses.follow(run, self.axis, self.smoothing)
            curves.append(losses.in_sight(right, plot.columns, self.smoothing))
        evaluated = [
            [(position(self.axis, e, run.state), e.log_loss) for e in run.state.evaluations if e.log_loss is not None]
            for run in self.runs
        ]
        values = [y for curve in curves for _, y in curve if y is not None]
        outcomes = self.runs[0].outcomes
        always = [outcomes.uniform_log_loss, *(y for points in evaluated for _, y in points)]
        plot.begin((0.0, right), limits(values, always))
        plot.reference(outcomes.uniform_log_loss)
        for number, curve in enumerate(curves, 1):
            plot.curve(curve, f"plot--run-{number}")
        for number, (curve, points) in enumerate(zip(curves, evaluated, strict=True), 1):
            plot.marks(_numbered(curve, right, number, len(curves)), str(number), f"plot--run-{number}")
            plot.marks(points, "●", f"plot--run-{number}")
            plot.marks_at_bottom([x for x, y in curve if y is None], "×")
        plot.show(axis_ticks(self.axis, plot.most_x_ticks), Ticks(plot.most_y_ticks))
        kind = f"smoothed {self.smoothing:g}" if self.smoothing else "not smoothed"
        words = f"  ━ {kind}  ● evaluation  × not finite  ⠒ {outcomes.uniform}"
        title = Content.assemble((f"loss by {self.axis.value}", "bold"), (words, MUTED))
        self.query_one(".caption", Static).update(title, layout=False)


def _numbered(curve: list[Gappy], right: float, number: int, curves: int) -> list[tuple[float, float]]:
    """Where a curve bears its number: at places of its own, so that curves that lie together can be told apart."""
    points = [(x, y) for x, y in curve if y is not None]
    places = [right * (i + number / (curves + 1)) / NUMBERS_ON_A_CURVE for i in range(NUMBERS_ON_A_CURVE)]
    return [min(points, key=lambda point: abs(point[0] - x)) for x in places if points and x <= points[-1][0]]
