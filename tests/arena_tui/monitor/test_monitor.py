"""From the home screen to the end of a run, with the real app and a real child process."""

import sys
from pathlib import Path

import pytest
from recorded import record_run
from screen import child, only_run, planner, shown, start, until, until_shown
from textual.widgets import Log

from arena_tui.app.app import ArenaApp
from arena_tui.monitor.curves import LossPane
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.plot.plot import Plot
from arena_tui.runs.panes import LogPane
from core.runs.liveness import is_run_alive
from core.runs.state import Status, read_run

pytestmark = pytest.mark.slow

SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_started_followed_and_its_result_shown(
    runs: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_PAUSE", "0.1")
    app = ArenaApp(runs, child("ok"), planner("ok"))
    async with app.run_test(size=size) as pilot:
        await start(pilot)
        await until_shown(pilot, "● running: training", "/ 400 steps")
        await until_shown(pilot, "✓ finished", "evaluation log loss", "1.0986", "1.0971", "0.9371", "+0.0031")
        run = only_run(runs)
        await until_shown(pilot, "55.1 %", "adapter", run.id)
        assert run.profile.read_text() == (Path("profiles") / "mine.toml").read_text()


async def test_what_is_not_a_finite_number_is_a_gap_with_words(runs: Path) -> None:
    app = ArenaApp(runs, child("nan"), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await until_shown(pilot, "✓ finished", "× not finite at step 100, 110 and 3 more")
        assert "nan" not in shown(app).lower()
        plot = app.screen.query_one(LossPane).query_one(Plot)
        marks = sum(row.count("×") for row in plot.grid.characters)
        assert 1 <= marks <= 5


async def test_a_child_that_dies_without_a_word_is_lost_with_advice(runs: Path) -> None:
    app = ArenaApp(runs, child("crash"), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await until_shown(pilot, "? lost", "ended unexpectedly", "checkpoint-200", "Segmentation fault")


async def test_cancel_asks_says_what_is_kept_and_reaches_the_child(runs: Path) -> None:
    app = ArenaApp(runs, child("hang"), planner("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await until_shown(pilot, "200 / 400 steps")
        await pilot.press("s")
        await until_shown(pilot, "stop this run?", "saves a checkpoint")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        assert read_run(only_run(runs))[1] is Status.RUNNING
        await pilot.press("s")
        await until_shown(pilot, "stop this run?")
        await pilot.press("s")
        await until_shown(pilot, "■ cancelled", "stopped by you", "checkpoints/checkpoint-200")
        await until(pilot, lambda: is_run_alive(only_run(runs)) is False, "the child's end")


@pytest.mark.parametrize("size", SIZES)
async def test_a_child_deaf_to_every_request_is_killed_rung_by_rung(runs: Path, size: tuple[int, int]) -> None:
    app = ArenaApp(runs, child("deaf"), planner("ok"))
    async with app.run_test(size=size) as pilot:
        await start(pilot)
        await until_shown(pilot, "200 / 400 steps")
        await pilot.press("s")
        await until_shown(pilot, "stop this run?", "stop and save", "stop now", "kill")
        await pilot.press("n", "k")  # neither can be reached yet
        await pilot.press("s")
        await until_shown(pilot, "asked for 0:00:0", "The process is still alive")
        assert read_run(only_run(runs))[1] is Status.RUNNING
        await pilot.press("k")
        assert is_run_alive(only_run(runs)) is True, "killing comes after stopping now"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        await until_shown(pilot, "● running")
        await pilot.press("s")
        await until_shown(pilot, "asked for 0:00:0")  # what was asked is not forgotten
        await pilot.press("n")
        await until(pilot, lambda: shown(app).count("asked for") == 2, "the second rung")
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen), "the end of the ladder")
        assert is_run_alive(only_run(runs)) is False
        await until_shown(pilot, "■ cancelled", "stopped by you", "checkpoints/checkpoint-200", "R Resume")
    assert read_run(only_run(runs))[0].last.signal == "SIGKILL"


async def test_quit_asks_and_leaves_the_run_running(runs: Path) -> None:
    app = ArenaApp(runs, child("hang"), planner("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await until_shown(pilot, "200 / 400 steps")
        await pilot.press("q")
        await until_shown(pilot, "a run is active", "leave running", "stop it", "back")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        await pilot.press("q")
        await until_shown(pilot, "a run is active")
        await pilot.press("l")
        await until(pilot, lambda: not app.is_running)
    assert is_run_alive(only_run(runs)) is True


async def test_quit_can_stop_the_run(runs: Path) -> None:
    app = ArenaApp(runs, child("hang"), planner("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await until_shown(pilot, "200 / 400 steps")
        await pilot.press("escape")
        await until_shown(pilot, "profiles")
        await pilot.press("q")
        await until_shown(pilot, "a run is active")
        await pilot.press("s")
        await until(pilot, lambda: not app.is_running)
        run = only_run(runs)
        await until(pilot, lambda: read_run(run)[1] is Status.CANCELLED, "the child's last event")


async def test_quit_with_nothing_going_on_does_not_ask(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "none yet; r starts a profile")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


@pytest.mark.parametrize("program", [child("refuse"), [sys.executable, "-c", "raise SystemExit(4)"], ["/nowhere"]])
async def test_a_launch_that_fails_says_why(runs: Path, program: list[str]) -> None:
    app = ArenaApp(runs, program, planner("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await until_shown(pilot, "the run did not start")
        why = {"refuse": "[red]x[/red]", "raise SystemExit(4)": "exit code 4"}
        await until_shown(pilot, why.get(program[-1], "/nowhere"))
        await pilot.press("escape")
        await until_shown(pilot, "✗ failed")
        await pilot.wait_for_scheduled_animations()  # an app that ends amid one is waited for for ever
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


@pytest.mark.parametrize(("scenario", "sign"), [("long line", "(+19"), ("no newlines", "fetching 1999")])
async def test_no_log_hurts(runs: Path, scenario: str, sign: str) -> None:
    app = ArenaApp(runs, child(scenario), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await until_shown(pilot, "✓ finished")
        await pilot.press("L")
        log = app.screen.query_one("Log")
        await until(pilot, lambda: any(sign in line for line in log.lines), sign)
        assert len(log.lines) <= 2_000
        assert max(map(len, log.lines)) < 2_100


async def test_start_given_to_the_app_runs_at_once(runs: Path) -> None:
    app = ArenaApp(runs, child("ok"), planner("ok"), start=Path("profiles/mine.toml"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished", "evaluation log loss")


async def test_watch_given_to_the_app_opens_the_monitor_and_escape_leads_home(runs: Path) -> None:
    first = ArenaApp(runs, child("ok"), planner("ok"), start=Path("profiles/mine.toml"))
    async with first.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished")
    app = ArenaApp(runs, watch=only_run(runs))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished", "evaluation log loss")
        await pilot.press("escape")
        await until_shown(pilot, "✓ finished  mine", "0.9402")


async def test_the_end_of_a_long_log_line_can_be_reached_by_key(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished", steps=20)
    run.console_log.write_text("12:00:00 start " + "-" * 150 + " end of the line\n")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "start ---")
        log = app.screen.query_one("Log")
        await until(pilot, lambda: log.max_scroll_x > 0, "the line's width")
        await pilot.press("7", *["right"] * 6)
        await until_shown(pilot, "end of the line")


async def test_the_log_keeps_to_its_end_however_fast_it_grows_and_waits_where_the_user_looks(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✓ finished")
        pane, log = app.screen.query_one(LogPane), app.screen.query_one(Log)
        for batch in range(20):
            pane.add([f"12:00:00 batch {batch} line {line}" for line in range(3)])
            pane.add(["12:00:00 " + "wide " * 10 * batch])  # at some point a scroll bar appears below, and takes a line
            await pilot.pause(0.02)
        await until_shown(pilot, "batch 19 line 2", "wide wide")

        pane.scroll_text(-50)
        await until(pilot, lambda: not log.is_vertical_scroll_end, "scrolled up")
        await pilot.pause()
        pane.add(["12:00:00 one more line"])
        await pilot.pause(0.2)
        assert "one more line" not in shown(app)
        pane.scroll_text(1000)
        await until_shown(pilot, "one more line")
        await pilot.pause()
        pane.add(["12:00:00 the last line"])
        await until_shown(pilot, "the last line")


@pytest.mark.parametrize("scenario", ["crash", "fail", "lingering"])
async def test_a_run_that_ended_early_goes_on_in_the_same_folder(
    runs: Path, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_PAUSE", "0.03")
    app = ArenaApp(runs, child(scenario), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.view)
        await until(pilot, lambda: app.screen.view.can_be_resumed, "the end")
        await until_shown(pilot, "R Resume")
        await pilot.press("R")
        await until_shown(pilot, "✓ finished", "evaluation log loss")
        state, _ = read_run(only_run(runs))
        assert [step.step for step in state.steps] == list(range(10, 401, 10))
        await pilot.press("R")
        assert isinstance(app.screen, MonitorScreen), "a finished run is not resumed"


async def test_a_run_that_still_goes_on_is_not_resumed_from_home(runs: Path) -> None:
    app = ArenaApp(runs, child("hang"), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await until_shown(pilot, "200 / 400 steps")
        await pilot.press("escape", "tab")
        await until_shown(pilot, "● running")
        await pilot.press("R")
        await until_shown(pilot, "only for a run that ended early, here")


async def test_of_two_panes_chosen_at_once_the_last_stays(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-first", end="finished", until=500)
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "evaluation log loss")
        for _ in range(5):
            app.screen.panes.choose(0)
            app.screen.panes.choose(3)
            for _ in range(5):
                await pilot.pause()
                assert app.screen.panes.current == 3
