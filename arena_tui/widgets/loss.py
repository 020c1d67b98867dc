"""The loss: single readings, their moving average, evaluations, ln 3, and what was not finite."""

import math

from textual.reactive import var

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.series import Gappy, Point, axis_end, position, smoothed
from arena_tui.widgets.outcome import UNIFORM_LOG_LOSS
from arena_tui.widgets.plot import Plot
from arena_tui.widgets.plot_pane import PlotPane
from arena_tui.widgets.ticks import LogTicks, Ticks, axis_ticks
from core.runs.state import RunState


class LossPane(PlotPane):
    tab_name = "loss"
    is_log: var[bool] = var(False)
    smoothing: var[float] = var(0.9)

    def watch_is_log(self) -> None:
        self.redraw()

    def watch_smoothing(self) -> None:
        self.redraw()

    def draw(self, view: RunView, plot: Plot) -> None:
        state = view.state
        raw: list[Gappy] = [(position(self.axis, s, state), self._height(s.loss)) for s in state.steps]
        evaluated: list[Point] = [
            (position(self.axis, e, state), y) for e in state.evaluations if (y := self._height(e.log_loss)) is not None
        ]
        end = axis_end(self.axis, state, view.status.is_over)
        uniform = math.log10(UNIFORM_LOG_LOSS) if self.is_log else UNIFORM_LOG_LOSS
        plot.set_x_formatter(axis_ticks(self.axis, plot.most_x_ticks))
        plot.set_y_formatter((LogTicks if self.is_log else Ticks)(plot.most_y_ticks))
        values = [y for _, y in raw if y is not None]
        above = plot.begin(end, values, always=[uniform, *(y for _, y in evaluated)])
        plot.reference(uniform, end)
        plot.raw(raw)
        if self.smoothing:
            plot.curve(smoothed(raw, self.smoothing))
        plot.marks_at_bottom([x for x, y in raw if y is None], "×")
        plot.marks(evaluated, "●")

        title = f"{'log ' if self.is_log else ''}loss by {self.axis.value}"
        kind = f"━ smoothed {self.smoothing:g}" if self.smoothing else "not smoothed"
        notes = f"· each logged  {kind}  ● evaluation  ⠒ ln 3"
        self.caption(title, not_finite(state), f"▲ {above} above  {notes}" if above else notes)

    def _height(self, loss: float | None) -> float | None:
        if loss is None or not self.is_log:
            return loss
        return math.log10(loss) if loss > 0 else None


def not_finite(state: RunState) -> str:
    """Where the loss was not a finite number, in words; nothing where it always was one."""
    steps = [step.step for step in state.steps if step.loss is None]
    if not steps:
        return ""
    rest = f" and {figures.count(len(steps) - 2)} more" if len(steps) > 2 else ""
    return f"× not finite at step {', '.join(map(figures.count, steps[:2]))}{rest}"
