"""Which part of a run's steps the curves show: zoomed and moved in steps, whatever the axis. Pure; knows no widget."""

from bisect import bisect_left

from msgspec import Struct

from arena_tui.plot.axes import Axis, axis_end, position
from core.runs.state import RunState
from core.runs.steps import Steps

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""The weights of the moving average to choose from."""

LEAST_POINTS = 8
"""Nothing is seen better nearer than this."""


class Window(Struct, frozen=True):
    """From one step to another; they need not be logged ones."""

    first: float
    last: float


def zoomed(window: Window | None, state: RunState, is_over: bool, factor: float, around: float | None) -> Window | None:
    """A part `factor` times as large, None if that is the whole. The step `around`, else the newest in sight, stays."""
    end = axis_end(Axis.STEP, state, is_over)
    if len(state.steps) < 2 or (window is None and factor >= 1):
        return None
    window = window or Window(0.0, end)
    steps = state.steps
    least = LEAST_POINTS * max(1.0, (steps[-1].step - steps[0].step) / (len(steps) - 1))
    size = max(least, factor * (window.last - window.first))
    if size >= end:
        return None
    fixed = min(float(steps[-1].step), window.last) if around is None else around
    share = (fixed - window.first) / (window.last - window.first)
    return _inside(fixed - share * size, size, end)


def showing(window: Window | None, state: RunState, is_over: bool, step: float) -> Window | None:
    """The window, moved no further than needed for `step` to be in sight."""
    if window is None:
        return None
    size = window.last - window.first
    first = min(max(window.first, step - size), step)
    return window if first == window.first else _inside(first, size, axis_end(Axis.STEP, state, is_over))


def x_limits(window: Window | None, axis: Axis, state: RunState, is_over: bool) -> tuple[float, float]:
    """Where the window begins and ends on `axis`."""
    if window is None:
        return 0.0, axis_end(axis, state, is_over) or 1.0
    left, right = x_of(window.first, axis, state), x_of(window.last, axis, state)
    return (left, right) if right > left else (left, left + 1.0)


def x_of(step: float, axis: Axis, state: RunState) -> float:
    """Where a step lies on `axis`: between the logged ones on a straight line, beyond the last at the mean pace."""
    steps = state.steps
    if axis is Axis.STEP or not steps:
        return step
    after = bisect_left(steps.column("step"), step)
    if after == len(steps):
        return position(axis, steps[-1], state) * step / max(1, steps[-1].step)
    x, at = position(axis, steps[after], state), steps[after].step
    before_x, before = (position(axis, steps[after - 1], state), steps[after - 1].step) if after else (0.0, 0)
    return x if at == before else before_x + (x - before_x) * (step - before) / (at - before)


def nearest(steps: Steps, step: float) -> int:
    """Index of the logged step nearest to `step`. There must be one."""
    logged = steps.column("step")
    after = bisect_left(logged, step)
    around = [i for i in (after - 1, after) if 0 <= i < len(logged)]
    return min(around, key=lambda i: abs(logged[i] - step))


def _inside(first: float, size: float, end: float) -> Window:
    first = max(0.0, min(first, end - size))
    return Window(first, first + size)
