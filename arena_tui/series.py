"""What a curve is made of: points over an axis, gaps, smoothing, limits. Pure; knows no widget."""

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum

from core.runs.events import Evaluated, Step
from core.runs.state import RunState

Point = tuple[float, float]
Gappy = tuple[float, float | None]
"""A point whose value may be missing, since it was not a finite number."""


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
    return max((step.tokens for step in state.steps if step.step <= at.step), default=0)


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


def smoothed(points: Sequence[Gappy], factor: float) -> list[Gappy]:
    """Exponential moving average: each value is `factor` of the average before it and the rest of its own.

    Divided by the weights given so far, so that it starts at the first value and not at zero. A gap stays one.
    """
    average, weight = 0.0, 0.0
    result: list[Gappy] = []
    for x, y in points:
        if y is None:
            result.append((x, None))
            continue
        average = factor * average + (1 - factor) * y
        weight = factor * weight + (1 - factor)
        result.append((x, average / weight))
    return result


def thinned(points: Sequence[Gappy], most: int) -> Sequence[Gappy]:
    """At most about `most` points of the same outline: of each stretch its lowest, its highest, and a gap."""
    if len(points) <= most:
        return points
    length = math.ceil(3 * len(points) / most)
    kept: list[Gappy] = []
    for start in range(0, len(points), length):
        stretch = range(start, min(start + length, len(points)))
        valued = [(y, i) for i in stretch if (y := points[i][1]) is not None]
        gap = [i for i in stretch if points[i][1] is None][:1]
        ends = [min(valued)[1], max(valued)[1]] if valued else []
        kept += [points[i] for i in sorted({*ends, *gap})]
    return kept


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
