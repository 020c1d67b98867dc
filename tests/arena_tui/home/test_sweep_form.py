"""A sweep from the home screen: settings and values are written, counted, refused in place, and queued."""

from pathlib import Path

import pytest
from screen import choose, shown, until, until_shown
from textual.pilot import Pilot
from textual.widgets import Input

from arena_tui.app.app import ArenaApp
from arena_tui.home.screen import HomeScreen
from arena_tui.home.sweep import SweepScreen, full_key
from core.runs.folder import RunFolder
from core.runs.queue import Queue


async def opened(pilot: Pilot[None], app: ArenaApp) -> None:
    await choose(pilot, "mine")
    await pilot.press("W")
    await until(pilot, lambda: isinstance(app.screen, SweepScreen), "the form")


async def typed(pilot: Pilot[None], text: str) -> None:
    field = pilot.app.focused
    assert isinstance(field, Input)
    field.insert_text_at_cursor(text)


def queued(runs: Path) -> list[RunFolder]:
    return [run for run, _ in Queue(runs).waiting()]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_combinations_are_counted_and_queued(runs: Path, size: tuple[int, int]) -> None:
    Queue(runs).pause()
    app = ArenaApp(runs)
    async with app.run_test(size=size, notifications=True) as pilot:
        await opened(pilot, app)
        await typed(pilot, "learning_rate")
        await pilot.press("enter")
        await until_shown(pilot, "train.learning_rate has no values yet")
        await pilot.press("tab")
        await typed(pilot, "[1e-4, 2e-4]")
        await until_shown(pilot, "2 runs", "learning_rate 0.0001")
        await pilot.press("tab")
        await typed(pilot, "lora.r,lora.alpha")
        await pilot.press("tab")
        await typed(pilot, "[[8, 16], [16, 32], [32, 64]]")
        await until(pilot, lambda: "6 runs" in shown(app), "6 runs")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")
        await until_shown(pilot, "6 runs of mine")
        settings = [run.read_profile() for run in queued(runs)]
    found = [(one.train.learning_rate, one.lora.r, one.lora.alpha) for one in settings]
    assert found == [(rate, r, alpha) for rate in (1e-4, 2e-4) for r, alpha in ((8, 16), (16, 32), (32, 64))]


async def test_what_is_wrong_is_said_in_place_and_queues_nothing(runs: Path) -> None:
    Queue(runs).pause()
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await typed(pilot, "train.learning_rate")
        await pilot.press("tab")
        await typed(pilot, "[3, 1e-4]")
        await until_shown(pilot, "must be a number above 0 and at most 1")
        await pilot.press("enter")
        values = app.focused
        assert isinstance(app.screen, SweepScreen) and isinstance(values, Input)
        values.value = "loguniform(5e-5, 5e-4)"
        await until_shown(pilot, "a range needs --trials")
        app.screen.query_one("#trials", Input).value = "4"
        await until_shown(pilot, "4 runs")
        app.screen.query_one("#trials", Input).value = "1000"
        await until_shown(pilot, "1,000 runs; a sweep has at most 64")
        values.value = "1e-4"
        app.screen.query_one("#trials", Input).value = ""
        await until_shown(pilot, "no setting has several values yet")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")
    assert queued(runs) == []


async def test_a_read_only_console_and_a_broken_profile_have_none(runs: Path) -> None:
    app = ArenaApp(runs, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("W")
        await until_shown(pilot, "read-only")
        assert isinstance(app.screen, HomeScreen)


def test_the_end_of_a_key_is_enough_where_no_other_has_it() -> None:
    assert full_key("learning_rate") == "train.learning_rate"
    assert full_key("swap") == "swap", "train and eval have one"
    assert full_key("train.swap") == "train.swap"
    assert full_key("nothing") == "nothing"
