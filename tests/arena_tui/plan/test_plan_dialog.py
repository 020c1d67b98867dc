"""The question before a start: what it says, and what becomes of the child it asks."""

import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from screen import child, choose, planner, shown, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.plan.text import as_text
from core.data.example import RowsRead
from core.data.labels import SoftLabels, Weights
from core.plan.protocol import Plan
from core.profile.data_settings import Data
from core.profile.settings import Profile
from core.runs.folder import list_runs

pytestmark = pytest.mark.slow


def children() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.Error):  # it has ended meanwhile
            if "scripted_plan.py" in " ".join(process.cmdline()):
                found.append(process)
    return found


async def test_the_plan_is_filled_in(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "45,981", "11,496", "5,748", "7,891,456", "0.09 %")
        await until_shown(pilot, "of 8 = ", "7.0 GiB", "fits: 139.2 GiB free", "1:53:18", "256 MiB")
        await until_shown(pilot, "! 17.0 % of rows exceed", "11.0 % show nothing of", "enter  start")


async def test_of_several_ranks_the_plan_says_how_they_share_a_step(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("ranks"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "on NVIDIA H200: 3 + 3 + 2 of 8 a step", "87.1 %     of the time computing")


@pytest.mark.parametrize(
    ("size", "problem", "says"),
    [
        ((60, 20), "long problem", "words without end"),
        ((80, 24), "problem", "is missing"),
        ((120, 40), "long problem", "words without end"),
    ],
)
async def test_a_problem_takes_the_place_of_what_is_unknown_and_leaves_room_for_the_keys(
    runs: Path, size: tuple[int, int], problem: str, says: str
) -> None:
    app = ArenaApp(runs, plan_program=planner(problem))
    async with app.run_test(size=size) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, says, " esc  back")
        assert "unknown" not in shown(app)
        box = app.screen.query_one(".box")
        assert box.max_scroll_y == 0, "two scroll bars"
        assert box.size.height < 20


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_answers_that_come_while_it_is_left_harm_nothing(runs: Path, key: str) -> None:
    app = ArenaApp(runs, child("ok"), planner("talkative"))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(3):
            await choose(pilot, "mine")
            await pilot.press("r")
            await until_shown(pilot, "start mine?")
            await pilot.press(key)
            await until(pilot, lambda: not children(), "the end of the child")
            await pilot.press("escape")


async def test_it_opens_before_the_plan_is_known_and_ends_its_child(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("hang"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "making the demo's rows …", "5,748")
        assert len(children()) == 1
        await pilot.press("escape")
        await until(pilot, lambda: not children(), "the end of the plan child")
    assert list_runs(runs) == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_box_has_its_final_size_from_the_start(runs: Path, size: tuple[int, int]) -> None:
    sizes = []
    for scenario, sign in (("hang", "making the demo's rows …"), ("ok", "! 17.0 %")):
        app = ArenaApp(runs, plan_program=planner(scenario))
        async with app.run_test(size=size) as pilot:
            await choose(pilot, "mine")
            await pilot.press("r")
            await until_shown(pilot, "start mine?", sign)
            await until(pilot, lambda scenario=scenario: scenario == "hang" or not children(), "the end of the plan")
            await pilot.pause()
            sizes.append(app.screen.query_one(".box").region)
            if size[1] > 24:
                assert "activations" in shown(app), "the parts of the memory have their lines from the start"
    assert sizes[0] == sizes[1]


async def test_what_does_not_fit_is_told_with_the_change_that_does_and_one_key_writes_it(
    runs: Path, workplace: Path
) -> None:
    app = ArenaApp(runs, plan_program=planner("too large"))
    async with app.run_test(size=(120, 40)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(
            pilot, "does not fit: 6.0 GiB free", "train.per_device_batch_size=1", "change it so that it fits"
        )
        await pilot.press("c")
        await until_shown(pilot, "of 8 = 1 × 8")
        await pilot.press("enter")
        await until(pilot, lambda: list_runs(runs), "the run")
    written = (workplace / "profiles" / "mine.toml").read_text()
    assert "per_device_batch_size = 1" in written
    assert "gradient_accumulation = 8" in written


async def test_the_time_is_measured_on_request(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("no time"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "no run of this kind on this machine yet", "measure the time")
        await pilot.press("b")
        await until_shown(pilot, "b does nothing here")
        await pilot.press("m")
        await until_shown(pilot, "1:53:18")
        assert "measure the time" not in shown(app)
        assert "b does nothing here" in shown(app), "what was said is not written over"


async def test_what_the_plan_child_never_said_is_unknown(runs: Path) -> None:
    for program in (planner("nothing"), ["/nowhere"], [sys.executable, "-c", "print('x' * 3_000_000)"]):
        app = ArenaApp(runs, plan_program=program)
        async with app.run_test(size=(80, 24)) as pilot:
            await choose(pilot, "mine")
            await pilot.press("r")
            await until_shown(pilot, "unknown", "enter  start")


async def test_a_problem_forbids_the_start(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("problem"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "✗ [red]train.csv[/red] is missing␛[2J")
        await pilot.press("enter")
        await pilot.pause()
        assert "start mine?" in shown(app)
    assert list_runs(runs) == []


@pytest.mark.parametrize("sources", [1, 2])
def test_how_rows_count_in_training_is_told(sources: int) -> None:
    read = RowsRead(
        source="a", rows=60, files="CSV", format="lmsys", how="texts",
        weights=Weights(0, 3, 1.25), soft_labels=SoftLabels(60, (0.5, 0.3, 0.2), 0.9),
    )  # fmt: skip
    profile = Profile(data=Data(train=["a", "b"][:sources]))
    plan = Plan(global_batch=8, read=[read] * sources)
    told = (
        "; weights 0 to 3, 1.25 on average; soft labels of 60 rows: A 0.50, B 0.30, tie 0.20 on average, entropy 0.90"
    )
    assert as_text(plan, profile).count(told) == sources
