"""The points of curves, without a screen: gaps, smoothing, thinning, the part in sight, what a record may hold."""

import itertools
import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scripted_child import started, step_event

from arena_tui.plot.axes import LARGEST, Axis, Gappy, axis_end, segments, thinned
from arena_tui.plot.curve import LEAST_POINTS, Average, Curve, Window, nearest, showing, x_limits, x_of, zoomed
from core.runs import events
from core.runs.state import RunState, fold

values = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=300)


def recorded(losses: list[float | None], *, every: int = 10, first: int = 10) -> RunState:
    """The state of a run that logged these losses."""
    steps = max(first + every * len(losses), 1)
    new: list[events.AnyEvent] = [replace(started(steps), time=100.0)]
    for i, loss in enumerate(losses):
        event = step_event(first + every * i, steps, at=110.0 + i, loss=loss)
        new.append(replace(event, loss=loss))
    return fold(RunState(), new)


def curve_of(state: RunState, axis: Axis = Axis.STEP) -> Curve:
    curve = Curve("loss")
    curve.follow(state, axis)
    return curve


@given(values)
def test_a_gap_breaks_the_curve_and_nothing_is_lost(losses: list[float | None]) -> None:
    points: list[Gappy] = [(float(x), y) for x, y in enumerate(losses)]
    found = segments(points)
    assert [p for segment in found for p in segment] == [p for p in points if p[1] is not None]
    assert all(b[0] - a[0] == 1 for segment in found for a, b in itertools.pairwise(segment))


@pytest.mark.slow
@given(values, st.integers(1, 40), st.integers(1, 5))
def test_thinning_keeps_the_extremes_and_every_gap_that_shows(
    losses: list[float | None], columns: int, most: int
) -> None:
    ys = array("d", [math.nan if y is None else y for y in losses])
    xs = array("d", range(len(losses)))
    kept = thinned(xs, ys, 0.0, float(max(1, len(losses) - 1)), columns, most, {})
    finite = [max(-LARGEST, min(LARGEST, y)) for y in losses if y is not None]
    kept_values = [y for _, y in kept if y is not None]
    assert len(kept) <= columns * (most + 5)
    assert (min(finite), max(finite)) == (min(kept_values), max(kept_values)) if finite else not kept_values
    assert (None in losses) == (None in [y for _, y in kept])
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)


@given(st.lists(values, max_size=6), st.integers(1, 9))
def test_what_was_thinned_while_a_run_grew_is_what_is_thinned_of_all_of_it(
    batches: list[list[float | None]], columns: int
) -> None:
    followed, losses = Curve("loss"), []
    seen: list[Gappy] = []
    for batch in batches:
        losses += batch
        followed.follow(recorded(losses), Axis.STEP)
        seen = followed.in_sight(0.0, 3_000.0, columns, 2)
    if batches:
        assert seen == curve_of(recorded(losses)).in_sight(0.0, 3_000.0, columns, 2)


@given(values, st.floats(0, 3_000), st.floats(1, 3_000))
def test_a_part_in_sight_ends_at_its_edges_on_the_curve(losses: list[float | None], left: float, size: float) -> None:
    curve = curve_of(recorded(losses))
    points = curve.in_sight(left, left + size, 1_000, 4)
    assert all(left <= x <= left + size for x, _ in points)
    inside = [x for x in curve.xs if left <= x <= left + size]
    assert len(points) - len(inside) in (0, 1, 2)


@given(st.floats(0, 0.99), st.floats(-5, 5), st.integers(1, 50))
def test_smoothing_a_constant_changes_nothing(factor: float, value: float, length: int) -> None:
    curve = curve_of(recorded([value] * length))
    average = Average(curve)
    average.follow(factor, goes_on=True)
    assert all(math.isclose(y, value, abs_tol=1e-9) for y in average.ys)


def test_an_average_that_grew_with_its_run_is_that_of_the_whole_run_and_keeps_gaps() -> None:
    losses: list[float | None] = [math.sin(i) for i in range(100)]
    losses[40] = None
    grown, average = Curve("loss"), None
    for end in (10, 41, 100):
        goes_on = grown.follow(recorded(losses[:end]), Axis.STEP)
        average = average or Average(grown)
        average.follow(0.9, goes_on=goes_on)
    whole = Average(curve_of(recorded(losses)))
    whole.follow(0.9, goes_on=True)
    assert average
    assert list(map(repr, average.ys)) == list(map(repr, whole.ys))
    assert math.isnan(whole.ys[40])
    assert sum(map(math.isnan, whole.ys)) == 1


def test_a_resumed_run_takes_its_forgotten_steps_back_from_the_curve() -> None:
    state = recorded([1.0] * 10)
    curve = curve_of(state)
    resumed = fold(state, [events.Resumed(step=50, checkpoint=None)])
    assert curve.follow(resumed, Axis.STEP) is False
    assert list(curve.xs) == [10, 20, 30, 40, 50]
    again = fold(resumed, [replace(step_event(step, at=500.0), loss=2.0) for step in range(60, 110, 10)])
    regrown = curve_of(state)
    assert regrown.follow(again, Axis.STEP) is False, "as many steps as before, but others"
    assert list(regrown.ys) == [1.0] * 5 + [2.0] * 5


@pytest.mark.parametrize("axis", list(Axis))
def test_a_clock_set_back_and_figures_beyond_all_bounds_break_no_curve(axis: Axis) -> None:
    state = recorded([1.0, 1e308, -1e308, None, 5.0])
    odd = [
        replace(step_event(60, at=-1e9), loss=1.0),
        replace(step_event(61, at=1.0), tokens=2**62, step=2**62),
        replace(step_event(70, at=1e300), epoch=-5.0),
    ]
    curve = curve_of(fold(state, odd), axis)
    assert list(curve.xs) == sorted(curve.xs)
    assert all(map(math.isfinite, curve.xs))
    assert all(y is None or abs(y) <= LARGEST for _, y in curve.in_sight(0.0, 1e301, 10, 2))


@given(st.integers(2, 400), st.lists(st.sampled_from([0.5, 2.0, 0.8, 1.25]), max_size=30), st.floats(0, 1))
def test_any_zoom_stays_inside_the_run_and_shows_enough_of_it(count: int, factors: list[float], at: float) -> None:
    state = recorded([1.0] * count)
    end = axis_end(Axis.STEP, state, is_over=False)
    window = None
    around = at * state.step
    for factor in factors:
        window = zoomed(window, state, False, factor, around)
        if window:
            assert 0.0 <= window.first < window.last <= end + 1e-6
            assert window.last - window.first >= 10 * LEAST_POINTS * 0.99
            window = showing(window, state, False, state.step)
            assert window
            assert window.first - 1e-6 <= state.step <= window.last + 1e-6
    for _ in range(40):
        window = zoomed(window, state, False, 2.0, around)
    assert window is None, "far enough out is the whole run again"


def test_zooming_keeps_the_step_under_the_crosshair_in_its_place() -> None:
    state = recorded([1.0] * 200)
    window = zoomed(None, state, False, 0.5, 700)
    assert window
    before = (700 - 0.0) / axis_end(Axis.STEP, state, is_over=False)
    assert (700 - window.first) / (window.last - window.first) == pytest.approx(before)


@pytest.mark.parametrize("axis", list(Axis))
def test_another_axis_shows_the_same_steps(axis: Axis) -> None:
    state = recorded([1.0] * 200)
    curve = curve_of(state, axis)
    left, right = x_limits(Window(500, 900), axis, state, is_over=False)
    shown = [step.step for step, x in zip(state.steps, curve.xs, strict=True) if left - 1e-9 <= x <= right + 1e-9]
    assert shown == list(range(500, 901, 10))
    assert x_of(505, axis, state) == pytest.approx((curve.xs[49] + curve.xs[50]) / 2)


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 2.0]])
def test_the_shortest_runs_have_limits_on_every_axis(losses: list[float | None]) -> None:
    state = recorded(losses)
    for axis in Axis:
        for window in (None, Window(0, 5), Window(3, 3)):
            left, right = x_limits(window, axis, state, is_over=False)
            assert left < right
        for step in (-5.0, 0.0, 10.0, 1e9):
            assert math.isfinite(x_of(step, axis, state))
    if losses:
        assert nearest(state.steps, -100) == 0
        assert nearest(state.steps, 1e9) == len(losses) - 1
