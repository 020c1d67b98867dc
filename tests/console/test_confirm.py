"""The question before a start: what it says, and what becomes of the child it asks."""

import sys
from pathlib import Path

import psutil
from screen import choose, planner, shown, until, until_shown

from arena_tui.app import ArenaApp
from core.runs.folder import list_runs


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "scripted_plan.py" in " ".join(p.cmdline())]


async def test_the_plan_is_filled_in(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "45,981", "11,496", "5,748", "7,891,456", "0.09 %", "runs/<time>-mine")
        assert "global batch  8" in shown(app)


async def test_it_opens_before_the_plan_is_known_and_ends_its_child(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("hang"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "counting…", "5,748")
        assert len(children()) == 1
        await pilot.press("escape")
        await until(pilot, lambda: not children(), "the end of the plan child")
    assert list_runs(runs) == []


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
