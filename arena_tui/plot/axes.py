"""Where points and ticks lie on the axes of curves, and which of many points are drawn. Knows no widget."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeAlias

from arena_tui.format import numbers
from core.runs.events import Evaluated, Step
from core.runs.state import RunState

Point = tuple[float, float]
Gappy = tuple[float, float | None]
"""A point whose value may be missing, since it was not a finite number."""
FEWEST, MOST = 2, 6
"""How many runs are compared: there is a colour for each."""
LARGEST = 1e300
"""Larger values are drawn as this one, so that differences of any two stay finite."""
Floats: TypeAlias = "array[float]"
Outlines = dict[tuple[int, int], list[Gappy]]
"""What is drawn of the points from one index to another."""


class Axis(StrEnum):
    STEP = "step"
    EPOCH = "epoch"
    TOKENS = "tokens"
    TIME = "time"

    @property
    def following(self) -> "Axis":
        axes = list(Axis)
        return axes[(axes.index(self) + 1) % len(axes)]


def position(axis: Axis, at: Step | Evaluated, state: RunState) -> float:
    """Where `at` lies on `axis`. An evaluation has seen the tokens of the last step logged before it."""
    match axis:
        case Axis.STEP:
            return at.step
        case Axis.EPOCH:
            return at.epoch
        case Axis.TIME:
            return at.time - (state.first_time or at.time)
    if isinstance(at, Step):
        return at.tokens
    index = bisect_right(state.steps.column("step"), at.step)
    return state.steps[index - 1].tokens if index else 0


def positions(axis: Axis, state: RunState, start: int = 0) -> Sequence[float]:
    """`position` of the logged steps from the index `start` on."""
    column = state.steps.column(axis.value, start)
    return [time - (state.first_time or time) for time in column] if axis is Axis.TIME else column


def axis_end(axis: Axis, state: RunState, is_over: bool) -> float:
    """The right end of `axis`: the end of a run that is over; else the planned end halved as long as
    everything fits, so that a curve fills half its axis or more and rarely moves."""
    points: list[Step | Evaluated] = [*state.steps[-1:], *state.evaluations[-1:]]
    reached = max((position(axis, point, state) for point in points), default=0.0)
    if is_over and reached:
        return reached
    end = _planned_end(axis, state, reached)
    while end / 2 >= reached > 0:
        end /= 2
    return end


def segments(points: Iterable[Gappy]) -> list[list[Point]]:
    """Runs of neighbouring points that have a value: a curve is broken where one has none."""
    found: list[list[Point]] = [[]]
    for x, y in points:
        if y is not None:
            found[-1].append((x, y))
        elif found[-1]:
            found.append([])
    return [segment for segment in found if segment]


def thinned(xs: Floats, ys: Floats, left: float, right: float, columns: int, most: int, known: Outlines) -> list[Gappy]:
    """The points between `left` and `right`, and of the next ones beyond as much as reaches the edge.

    `xs` never falls; `ys` is nan where a value is missing. Where they are too many, only some of each of `columns`
    equal columns: the first, the last, the lowest, the highest and `most` others of it, and one gap if there are any.
    What was found is kept in `known`, which holds as long as points are only added.
    """
    start, stop = bisect_left(xs, left), bisect_right(xs, right)
    if stop - start <= most * columns:
        points = [_point(x, y) for x, y in zip(xs[start:stop], ys[start:stop], strict=True)]
    else:
        points = []
        end = start
        if len(known) > 4 * columns:
            known.clear()  # most are of columns that have grown since
        for column in range(columns):
            begin, edge = end, left + (right - left) * (column + 1) / columns
            end = bisect_right(xs, edge, begin, stop) if column < columns - 1 else stop
            if (begin, end) not in known:
                known[begin, end] = _outline(xs, ys, begin, end, most)
            points += known[begin, end]
    return [*_crossing(xs, ys, start - 1, left), *points, *_crossing(xs, ys, stop - 1, right)]


def _outline(xs: Floats, ys: Floats, start: int, end: int, most: int) -> list[Gappy]:
    """What is drawn of the points from `start` to `end`, in their order."""
    if end - start <= most:
        return [_point(xs[i], ys[i]) for i in range(start, end)]
    some = ys[start:end]
    finite = [y for y in some if not math.isnan(y)] if math.isnan(sum(some)) else some
    chosen = {0, len(some) - 1, *range(0, len(some), -(-len(some) // most))}
    if finite:
        chosen |= {some.index(min(finite)), some.index(max(finite))}
    if len(finite) < len(some):
        chosen.add(next(i for i, y in enumerate(some) if math.isnan(y)))
    return [_point(xs[start + i], some[i]) for i in sorted(chosen)]


def _point(x: float, y: float) -> Gappy:
    return x, None if math.isnan(y) else max(-LARGEST, min(LARGEST, y))


def _crossing(xs: Floats, ys: Floats, before: int, at: float) -> list[Gappy]:
    """Where the line between a point and the next one crosses `at`; nothing where there is no such line."""
    if not 0 <= before < len(xs) - 1:
        return []
    x, y, next_x, next_y = xs[before], ys[before], xs[before + 1], ys[before + 1]
    if next_x == x or math.isnan(y) or math.isnan(next_y):
        return []
    share = (at - x) / (next_x - x)
    return [_point(at, y * (1 - share) + next_y * share)]


def limits(values: Sequence[float], always: Sequence[float] = ()) -> tuple[float, float]:
    """Lowest and highest value to draw, with a margin. One far above all others does not flatten them: it lies
    outside, for the caller to mark. `always` is inside in any case."""
    if not values:
        return (min(always) - 0.5, max(always) + 0.5) if always else (0.0, 1.0)
    ordered = sorted(values)
    typical = ordered[int(0.95 * (len(ordered) - 1))]
    ceiling = typical + 3 * (typical - ordered[0])
    highest = max([v for v in ordered if v <= ceiling] + list(always)) if typical > ordered[0] else ordered[-1]
    highest, lowest = max([highest, *always]), min([ordered[0], *always])
    margin = 0.05 * (highest - lowest) or abs(highest) * 0.1 or 1.0
    return lowest - margin, highest + margin


def _planned_end(axis: Axis, state: RunState, reached: float) -> float:
    started = state.started
    if axis is Axis.TIME or started is None:
        return 60.0 * 2.0 ** math.ceil(math.log2(max(reached, 60.0) / 60))
    if axis is Axis.STEP:
        return float(started.steps)
    epochs = round(started.steps * started.global_batch / max(1, started.rows_train), 2)
    return max(reached, epochs if axis is Axis.EPOCH else epochs * started.tokens_train)


class Ticks:
    """Round numbers with separators, at most about `most` of them: 2,000 or 0.95."""

    def __init__(self, most: int) -> None:
        self._most = most

    def ticks_and_labels(self, low: float, high: float) -> tuple[list[float], list[str]]:
        ticks = self.ticks(low, high)
        return ticks, self.labels(ticks)

    def ticks(self, low: float, high: float) -> list[float]:
        spacing = self.spacing((high - low) / self._most)
        return [spacing * i for i in range(math.ceil(low / spacing), math.floor(high / spacing) + 1)]

    def spacing(self, least: float) -> float:
        """The smallest round distance that is not below `least`."""
        power = 10.0 ** math.floor(math.log10(least))
        return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))

    def labels(self, ticks: Sequence[float]) -> list[str]:
        spacing = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        decimals = max(0, -math.floor(math.log10(spacing) + 1e-9))
        return [f"{tick:,.{decimals}f}" for tick in ticks]


class RateTicks(Ticks):
    """Powers of ten: 2.0e-04."""

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return list(map(numbers.rate, ticks))


class LargeTicks(Ticks):
    """Whole numbers, shortened: 15 k, 25.3 M."""

    def spacing(self, least: float) -> float:
        return max(1.0, super().spacing(least))

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return [numbers.rounded(round(tick)) for tick in ticks]


class DurationTicks(Ticks):
    """Seconds as 0:01:00, at round minutes and hours."""

    ROUND = (1, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)

    def spacing(self, least: float) -> float:
        return next((s for s in self.ROUND if s >= least), 86400 * math.ceil(least / 86400))

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return [numbers.duration(tick) for tick in ticks]


class LogTicks(Ticks):
    """Round values on an axis of decimal logarithms; over several decades, the powers of ten."""

    def ticks(self, low: float, high: float) -> list[float]:
        if high - low > 1.5:
            return super().ticks(low, high)
        return [math.log10(value) for value in super().ticks(10**low, 10**high) if value > 0]

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return [f"{10**tick:.4g}" for tick in ticks]


def axis_ticks(axis: Axis, most: int) -> Ticks:
    match axis:
        case Axis.TIME:
            return DurationTicks(most)
        case Axis.TOKENS:
            return LargeTicks(most)
    return Ticks(most)
