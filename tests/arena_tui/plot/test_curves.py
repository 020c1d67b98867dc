"""Curves on the screen: read off, zoomed, copied, whatever their points are, and while the run goes on."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_run
from screen import child, planner, shown, start, until, until_shown
from scripted_child import HOSTILE, started, step_event
from terminal import CONSOLE, Terminal
from textual.pilot import Pilot

from arena_tui.app.app import ArenaApp
from arena_tui.format import numbers
from arena_tui.home.screen import HomeScreen
from arena_tui.monitor.curves import LossPane
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.plot.axes import Axis
from arena_tui.plot.plot import MARGIN, Plot
from arena_tui.terminal.sequences import MOST_BYTES, copy
from core.runs import events
from core.runs.record import Record

pytestmark = pytest.mark.slow

WIDE, SMALL = (120, 40), (80, 24)


def monitor(pilot: Pilot[None]) -> MonitorScreen:
    assert isinstance(pilot.app.screen, MonitorScreen)
    return pilot.app.screen


async def opened(pilot: Pilot[None]) -> MonitorScreen:
    """The monitor once it has read the run, with the loss chosen."""
    await until(pilot, lambda: isinstance(pilot.app.screen, MonitorScreen) and pilot.app.screen.view, "the run")
    await pilot.press("1")
    return monitor(pilot)


@pytest.mark.parametrize("size", [SMALL, WIDE])
async def test_the_crosshair_reads_off_the_recorded_figures(runs: Path, size: tuple[int, int]) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "step 5,740", f"loss {step_event(5740, 5748, at=0).loss:.4f}", "smoothed 0.9")
        await until_shown(pilot, "eval 0.9402 at 5,748")
        await pilot.press("home")
        await until_shown(pilot, "step 10", f"loss {step_event(10, 5748, at=0).loss:.4f}")
        await pilot.press("l", "right")
        await until(pilot, lambda: screen.panes.cursor and screen.panes.cursor > 10, "the crosshair to move")
        await pilot.press("h", "left", "left", "left")
        await until_shown(pilot, "step 10  ")
        await pilot.press("end", "x", "x", "x")
        await until_shown(pilot, "step 5,740", numbers.duration(20 + 5740 * 0.25))
        await pilot.press("escape")
        await until(pilot, lambda: screen.panes.cursor is None, "the crosshair to be put away")
        assert monitor(pilot) is screen
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")


async def test_on_thinned_curves_it_stands_on_recorded_steps_only(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished", steps=40_000)
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.view
        await pilot.press("enter")
        for key in ("left", "left", "h", "i", "i", "left", "i", "h", "right"):
            before = screen.panes.cursor
            await pilot.press(key)
            if key != "i":
                await until(pilot, lambda before=before: screen.panes.cursor != before, "the crosshair to move")
            step = next(step for step in screen.view.state.steps if step.step == screen.panes.cursor)
            await until_shown(pilot, f"step {numbers.count(step.step)}", f"loss {numbers.loss(step.loss)}")
        assert screen.panes.window
        assert screen.panes.window.first <= step.step <= screen.panes.window.last


async def test_the_crosshair_takes_the_view_along_and_the_axis_leaves_it(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("enter", "i", "i", "i")
        await until_shown(pilot, "step 5,740")
        window = screen.panes.window
        assert window
        assert window.first > 4_000
        await pilot.press("home")
        await until(pilot, lambda: screen.panes.window and screen.panes.window.first <= 10, "the view to follow")
        assert screen.panes.window
        assert screen.panes.window.last - screen.panes.window.first == pytest.approx(window.last - window.first)
        window = screen.panes.window
        for axis in (Axis.EPOCH, Axis.TOKENS, Axis.TIME):
            await pilot.press("x")
            await until(pilot, lambda axis=axis: screen.panes.axis is axis, "the axis")
            assert screen.panes.window == window
        await pilot.press("escape")
        await until_shown(pilot, "0 shows all")
        await pilot.press("0")
        await until(pilot, lambda: screen.panes.window is None and "0 shows all" not in shown(app), "the whole run")


async def test_a_zoomed_view_stays_while_the_run_goes_on(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED_PAUSE", "0.1")
    app = ArenaApp(runs, child("ok"), planner("ok"))
    async with app.run_test(size=WIDE) as pilot:
        await start(pilot)
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.view, "the run")
        screen = monitor(pilot)
        await until(pilot, lambda: len(screen.view.state.steps) > 9, "some steps")
        await pilot.press("i")
        await until(pilot, lambda: screen.panes.window, "the zoom")
        window, step = screen.panes.window, screen.view.state.step
        await until(pilot, lambda: screen.view.state.step > step + 60, "more steps")
        assert screen.panes.window == window
        await until_shown(pilot, "✓ finished")
        assert screen.panes.window == window


async def test_a_resumed_run_that_forgets_steps_takes_the_crosshair_back(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="cancelled", until=2_000)
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("enter", "i", "i")
        await until_shown(pilot, "step 2,000")
        with Record(run.events) as record:
            record.write(events.Resumed(step=1_000, checkpoint="checkpoints/checkpoint-1000"))
            record.write(started(5_748))
        await until_shown(pilot, "step 1,000", "1,000 / 5,748")
        await pilot.press("left", "I", "I", "I", "I", "end")
        await until_shown(pilot, "step 1,000")
        assert screen.view
        assert len(screen.view.state.steps) == 100


LOSSES: dict[str, list[float | None]] = {
    "none": [],
    "one": [1.0],
    "two": [1.0, 0.9],
    "all missing": [None] * 30,
    "some missing": [1.0, None, 0.5] * 30,
    "equal": [1.0] * 30,
    "huge": [1e308, -1e308, 1.0] * 10,
    "not positive": [0.0, -1.0, 1.0] * 10,
}


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
async def test_no_points_hurt_whatever_is_pressed_and_however_small_it_gets(
    runs: Path, losses: list[float | None]
) -> None:
    run = record_run(runs, "20260131-120000-x", end=None, until=1)
    with Record(run.events) as record:
        for number, loss in enumerate(losses, 1):
            record.write(replace(step_event(number, 100, at=1_769_860_900.0 + number), loss=loss, grad_norm=loss))
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        for keys in ("\r", "lli", "hhiI", "y", "xxx", "+---", "y", "z3\r", "i4I0", "1z"):
            await pilot.press(*("enter" if key == "\r" else key for key in keys))
        for size in ((20, 8), (12, 3), (300, 100), SMALL):
            await pilot.resize_terminal(*size)
            await pilot.press("i", "left", "I")
        await pilot.press("1")
        await until_shown(pilot, "1 loss")
        assert "nan" not in shown(app).lower()


async def test_the_mouse_points_and_its_wheel_zooms(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        plot = screen.query_one(LossPane).query_one(Plot)
        middle = MARGIN + 1 + plot.columns // 4
        await pilot.mouse_down(plot, offset=(middle, 5))
        await pilot.mouse_up(plot, offset=(middle, 5))
        await until(
            pilot, lambda: screen.panes.cursor and 2_700 < screen.panes.cursor < 3_050, "the crosshair in the middle"
        )
        await pilot.press("right")
        await until_shown(pilot, f"step {numbers.count(screen.panes.cursor or 0)}")


async def test_the_axis_is_chosen_from_a_list(runs: Path) -> None:
    app = ArenaApp(runs, watch=record_run(runs, "20260131-120000-x", end="finished"))
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        await pilot.press("X")
        await until_shown(pilot, "curves by", "epoch", "tokens", "time")
        await pilot.press("end", "enter")
        await until(pilot, lambda: screen.panes.axis is Axis.TIME, "the axis")


async def test_digits_and_tab_lead_to_panes(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        for key, index, title in (("7", 6, "7 log"), ("4", 3, "4 gradient norm"), ("shift+tab", 2, "3 learning rate")):
            await pilot.press(key)
            await until(pilot, lambda index=index: screen.panes.current == index, title)
            await until_shown(pilot, title)


async def test_each_pane_is_copied_as_it_reads(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("enter", "home")
        await until_shown(pilot, "step 10  loss")
        for key, part in (
            ("", "step 10  loss 1."),
            ("2", str(run.path)),
            ("5", "step 10  throughput"),
            ("7", "step 5740"),
        ):
            await pilot.press(*filter(None, [key]), "Y")
            await until(pilot, lambda part=part: part in app.clipboard, part)
        assert "of 5748: loss" in app.clipboard
        await pilot.press("p")
        await until_shown(pilot, "the profile of this run")
        await pilot.press("Y")
        await until(pilot, lambda: app.clipboard == "[train]\nlearning_rate = 1e-4\n", "the profile's text")


async def test_what_is_copied_holds_nothing_that_a_terminal_obeys_and_is_bounded(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=WIDE):
        copy(app, HOSTILE)
        assert "second line" in app.clipboard
        assert all(character == "\n" or character.isprintable() for character in app.clipboard)
        copy(app, "🙂" * MOST_BYTES)
        assert 0 <= MOST_BYTES - len(app.clipboard.encode()) < 4


def test_watch_in_a_terminal_is_the_monitor_which_q_leaves_at_once(runs: Path) -> None:
    record_run(runs, "20260131-120000-x", end="failed", until=200)
    with Terminal(runs.parent, (100, 30), (*CONSOLE, "watch", "last")) as terminal:
        terminal.until_seen("GPU memory ran out")
        terminal.type("q")
        assert terminal.until_ended() == 1, "the run's exit code"


def test_watch_by_lines_sends_no_control_codes_even_to_a_terminal(runs: Path) -> None:
    record_run(runs, "20260131-120000-x", end="failed", until=200, words=HOSTILE)
    with Terminal(runs.parent, (200, 60), (*CONSOLE, "watch", "last", "--lines")) as terminal:
        terminal.until_seen("failed: ")
        assert terminal.until_ended() == 1
        assert not set(terminal.seen) & (set(range(32)) - {10, 13})


def test_watch_in_a_pipe_tells_each_step_on_a_line_of_harmless_text(runs: Path) -> None:
    record_run(runs, "20260131-120000-x", end="failed", until=200, words=HOSTILE)
    watched = subprocess.run([*CONSOLE, "watch", "last"], cwd=runs.parent, capture_output=True, text=True, check=False)
    assert watched.returncode == 1
    lines = watched.stdout.split("\n")
    assert sum(line.startswith("step ") for line in lines) == 20
    assert all(line.isprintable() for line in lines)
