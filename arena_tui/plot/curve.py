"""One reading of a run's steps over an axis, smoothed; and which part of the steps is in sight. Knows no widget."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import gt

from msgspec import Struct

from arena_tui.plot.axes import LARGEST, Axis, Floats, Gappy, Outlines, axis_end, position, positions, thinned
from core.runs.events import Step
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


class Curve:
    """`figure` is the field of a step that is read.

    `xs` never falls, even where a clock was set back; `ys` is nan where the reading was no finite number. Both have an
    item for each of the run's steps, so an index is also that of the step.
    """

    def __init__(self, figure: str) -> None:
        self.xs, self.ys = array("d"), array("d")
        self.gaps: list[int] = []
        """Indices of the missing values."""
        self._outlines: Outlines = {}
        self._figure = figure
        self._axis: Axis | None = None
        self._newest: Step | None = None

    def follow(self, state: RunState, axis: Axis) -> bool:
        """Take over the steps that are new. False where it began anew: another axis, or a run that was resumed."""
        known = len(self.xs)
        goes_on = axis is self._axis and (not known or list(state.steps[known - 1 : known]) == [self._newest])
        if not goes_on:
            self.xs, self.ys, self.gaps, self._outlines, known = array("d"), array("d"), [], {}, 0
        self._axis = axis
        self.xs.extend(_rising(positions(axis, state, known), self.xs[-1] if known else 0.0))
        ys = state.steps.column(self._figure, known)
        if math.isnan(sum(ys)):
            self.gaps += [known + i for i, y in enumerate(ys) if math.isnan(y)]
        self.ys.extend(ys)
        self._newest = state.steps[-1] if state.steps else None
        return goes_on

    def in_sight(self, left: float, right: float, columns: int, most: int) -> list[Gappy]:
        """What is drawn between two places on the axis, in so many columns, of each about `most` points."""
        return thinned(self.xs, self.ys, left, right, columns, most, self._outlines)

    def above(self, y: float, left: float, right: float) -> int:
        """How many values between two places on the axis are larger than `y`."""
        return sum(map(y.__lt__, self.ys[bisect_left(self.xs, left) : bisect_right(self.xs, right)]))

    def nearest(self, x: float) -> int:
        """Index of the point nearest to `x` on the axis. There must be one."""
        after = bisect_left(self.xs, x)
        around = [i for i in (after - 1, after) if 0 <= i < len(self.xs)]
        return min(around, key=lambda i: abs(self.xs[i] - x))


def _rising(xs: Sequence[float], least: float) -> Floats:
    """`xs` from `least` on, none below the one before it."""
    rising = array("d", xs if max(xs, default=0.0) <= LARGEST else [min(x, LARGEST) for x in xs])
    if rising and (rising[0] < least or any(map(gt, rising, islice(rising, 1, None)))):
        return array("d", list(accumulate(rising, max, initial=least))[1:])
    return rising


class Average:
    """The exponential moving average of a curve: each value is `factor` of the one before and the rest of its own.

    Divided by the weights given so far, so that it starts at the first value and not at zero. A gap stays one.
    """

    def __init__(self, curve: Curve) -> None:
        self.ys = array("d")
        self._curve = curve
        self._outlines: Outlines = {}
        self._factor = 0.0
        self._sum = self._weight = 0.0

    def follow(self, factor: float, *, goes_on: bool) -> None:
        """Take over the values that are new; all of them, if they do not go on or the factor is another."""
        if not goes_on or factor != self._factor:
            self.ys, self._outlines, self._sum, self._weight = array("d"), {}, 0.0, 0.0
        self._factor = factor
        for y in self._curve.ys[len(self.ys) :]:
            if not math.isnan(y):
                self._sum = factor * self._sum + (1 - factor) * y
                self._weight = factor * self._weight + (1 - factor)
            self.ys.append(math.nan if math.isnan(y) else self._sum / self._weight)

    def in_sight(self, left: float, right: float, columns: int, most: int) -> list[Gappy]:
        """As of a curve."""
        return thinned(self._curve.xs, self.ys, left, right, columns, most, self._outlines)
