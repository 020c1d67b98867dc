"""What the record of a run on several cards adds up to, and that it is exported like any other."""

from pathlib import Path

from msgspec.structs import replace
from recorded import GIB, readings, record_run
from scripted_child import started, step_event

from core.runs.curves import as_csv, curve_points
from core.runs.events import Resumed, Step
from core.runs.record import Tail
from core.runs.state import RunState, fold


def test_of_what_each_rank_did_the_newest_point_is_known_and_the_peak_is_that_of_any(tmp_path: Path) -> None:
    run = record_run(tmp_path, "20260131-120000-x", end="finished", steps=40, ranks=4)
    state = fold(RunState(), Tail(run.events).read())
    assert state.ranks == tuple(readings(4))
    assert [device.name for device in state.started.ranks] == ["NVIDIA H200"] * 4
    assert state.memory_peak == int(33.6 * GIB) == max(reading.memory_peak for reading in readings(4))
    assert state.steps[-1].memory_peak == 33 * GIB


def test_a_run_that_goes_on_with_another_number_of_ranks_forgets_those_before() -> None:
    state = fold(RunState(), [started(), *(_step(step, ranks=4) for step in (10, 20))])
    state = fold(state, [Resumed(step=10, checkpoint=None)])
    assert state.ranks == ()
    state = fold(state, [started(), _step(20, ranks=2)])
    assert len(state.ranks) == 2
    assert [step.step for step in state.steps] == [10, 20]


def test_the_curves_of_a_run_of_several_ranks_are_what_all_did_together(tmp_path: Path) -> None:
    several, one = (record_run(tmp_path, f"20260131-12000{n}-x", end="finished", steps=40, ranks=n) for n in (3, 1))
    points = [curve_points("x", fold(RunState(), Tail(run.events).read())) for run in (several, one)]
    assert as_csv(points[0]) == as_csv(points[1])


def _step(step: int, *, ranks: int) -> Step:
    return replace(step_event(step, at=1_769_860_800.0 + step), ranks=readings(ranks))
