"""The queue on the screens: adding, moving, taking out, what a waiting run says, and leaving while runs wait."""

import os
import time
from pathlib import Path

import psutil
import pytest
from recorded import record_run
from screen import child, choose, planner, shown, start, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.app.dialogs import QuitScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.screen.footer import Footer
from core.machine.gpus import visible_gpus
from core.profile.settings import Profile
from core.runs.folder import RunFolder, list_runs
from core.runs.protocol import RUNNER
from core.runs.queue import Queue
from core.runs.state import Status, read_run
from core.runs.stopping import Rung, ask


def runners() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE and RUNNER[-1] in p.cmdline()]


def waiting(runs: Path, *names: str, paused: bool = True) -> list[RunFolder]:
    queue = Queue(runs)
    if paused:
        queue.pause()
    return [queue.add(Profile(), text="# as queued\n", name=name) for name in names]


def order(runs: Path) -> list[str]:
    return [run.name for run, _ in Queue(runs).waiting()]


@pytest.mark.slow
async def test_a_profile_is_queued_from_the_confirmation_and_starts_without_another_key(runs: Path) -> None:
    app = ArenaApp(runs, child("ok"), planner("ok"))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "enter  start", "a  queue it", "7,891,456")
        await pilot.press("a")
        await until_shown(pilot, "queued: it starts by itself", "✓ finished")
        assert isinstance(app.screen, HomeScreen)
    [run] = list_runs(runs)
    assert read_run(run)[1] is Status.FINISHED


@pytest.mark.slow
async def test_a_profile_with_a_problem_is_not_queued(runs: Path) -> None:
    app = ArenaApp(runs, plan_program=planner("problem"))
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "✗ [red]train.csv")
        await pilot.press("a")
        await pilot.pause()
        assert "start mine?" in shown(app)
    assert list_runs(runs) == []


@pytest.mark.slow
async def test_the_queue_waits_behind_a_run_that_goes_on_and_says_for_which(runs: Path) -> None:
    app = ArenaApp(runs, child("hang"), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await until_shown(pilot, "200 / 400 steps")
        [running] = list_runs(runs)
        await pilot.press("escape")
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "a  queue it")
        await pilot.press("a")
        await until_shown(pilot, "● running", "◷ queued    mine")
        lines = [line for line in shown(app).splitlines() if "● running" in line or "◷ queued" in line]
        assert "● running" in lines[0], "what goes on stands above what waits"
        await pilot.press("tab", "j")
        await until_shown(pilot, "It is next.", "is using the processor.", "without this console")
        await pilot.press("enter")
        await until_shown(
            pilot, "◷ queued", "takes it out of the queue", "esc back", f"{running.id} is using the processor."
        )
        assert "s Stop" not in shown(app)
        assert isinstance(app.screen, MonitorScreen)
        assert ask(running, Rung.SAVE)
        await until_shown(pilot, "● running", "s Stop")
        assert "del Take out" not in shown(app)


async def test_a_run_that_waits_has_no_curves_and_says_so_to_each_of_their_keys(runs: Path) -> None:
    [run] = waiting(runs, "one")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "◷ queued")
        for key in ("x", "X", "y", "plus", "i", "0", "Y", "enter"):
            await pilot.press(key)
            await until_shown(pilot, "there are no curves yet: the run is waiting")
            app.screen.query_one(Footer).said = ""
            assert isinstance(app.screen, MonitorScreen)


@pytest.mark.slow
@pytest.mark.parametrize("keys", [("K", "J"), ("shift+up", "shift+down")])
async def test_a_waiting_run_is_moved_and_the_highlight_goes_with_it(runs: Path, keys: tuple[str, str]) -> None:
    _, _, last = waiting(runs, "one", "two", "three")
    up, down = keys
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "◷ queued    three", "3rd")
        await pilot.press("tab", "end", up, up)
        await until(pilot, lambda: order(runs) == ["three", "one", "two"], "moved up twice")
        menu = app.screen.query_one("#runs")
        await until(pilot, lambda: menu.highlighted == 0, "the highlight")
        assert menu.highlighted_id == last.id
        await pilot.press(down)
        await until(pilot, lambda: order(runs) == ["one", "three", "two"], "moved down")


@pytest.mark.slow
async def test_a_waiting_run_is_taken_out_after_a_question_only(runs: Path) -> None:
    one, two = waiting(runs, "one", "two")
    old = record_run(runs, "20260131-120000-old", end="finished")
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "◷ queued    two")
        await pilot.press("tab", "delete")
        await until_shown(pilot, "take it out of the queue?", one.id)
        await pilot.press("escape")
        await pilot.press("delete", "y")
        await until(pilot, lambda: order(runs) == ["two"], "taken out")
        await until(pilot, lambda: "◷ queued    one" not in shown(app), "gone from the list")
        await pilot.press("enter")
        await until_shown(pilot, "del Take out", "It is next.")
        await pilot.press("delete")
        await until_shown(pilot, "take it out of the queue?")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")
        await until(pilot, lambda: "queued" not in shown(app), "gone from the list")
        await pilot.press("delete")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen), "a run that has ended is not in the queue"
    assert [run.id for run in list_runs(runs)] == [old.id]
    assert not one.path.exists()
    assert not two.path.exists()


@pytest.mark.slow
async def test_a_run_that_began_meanwhile_is_not_taken_out(runs: Path) -> None:
    [run] = waiting(runs, "one")
    app = ArenaApp(runs, child("ok"))  # the queue goes on: its runner may start the run while the answer is given
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "◷ queued")
        await pilot.press("tab", "delete")
        await until_shown(pilot, "take it out of the queue?")
        queue = Queue(runs)
        queue.unpause()
        assert queue.take(visible_gpus())
        await pilot.press("y")
        await until_shown(pilot, "the queue was not changed")
    assert run.profile.exists()


async def test_that_the_queue_is_paused_is_always_in_sight_also_where_nothing_waits(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for screen in ("home", "history"):
        monkeypatch.setattr(f"arena_tui.{screen}.screen.SECONDS_BETWEEN_READS", 0.05)
    record_run(runs, "20260131-120000-old", end="finished", steps=200)
    app = ArenaApp(runs, child("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished")
        assert "paused" not in shown(app)
        await pilot.press("Q")
        await until_shown(pilot, "runs · queue paused")
        await pilot.press("H")
        await until_shown(pilot, "runs · queue paused", "1 of 1")
        Queue(runs).unpause()
        await until(pilot, lambda: "paused" not in shown(app), "the queue that goes on")
        await pilot.press("escape")
        await until(pilot, lambda: "paused" not in shown(app), "the queue that goes on, on the home screen")


@pytest.mark.slow
async def test_the_queue_is_paused_and_goes_on_by_key(runs: Path) -> None:
    [run] = waiting(runs, "one")
    app = ArenaApp(runs, child("ok"))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "◷ queued")
        await pilot.press("tab")
        await until(pilot, lambda: not runners() and Queue(runs).is_paused)
        await pilot.press("Q")
        await until_shown(pilot, "the queue is resumed", "✓ finished")
    assert read_run(run)[1] is Status.FINISHED


async def test_a_console_that_is_opened_starts_a_runner_where_there_is_none(runs: Path) -> None:
    [run] = waiting(runs, "one", paused=False)
    app = ArenaApp(runs, child("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: read_run(run)[1] is Status.FINISHED, "the end of the run")


async def test_a_killed_runner_is_started_again_while_the_console_is_open(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena_tui.app.starting.SECONDS_BETWEEN_LOOKS", 0.2)
    first, second = waiting(runs, "one", "two", paused=False)
    app = ArenaApp(runs, child("hang"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: read_run(first)[1] is Status.RUNNING, "the first run")
        await until(pilot, lambda: len(runners()) == 1, "one runner; others that were started meanwhile have ended")
        [runner] = runners()
        runner.kill()
        await until(pilot, lambda: [p.pid for p in runners()] not in ([], [runner.pid]), "another runner")
        assert read_run(first)[1] is Status.RUNNING
        assert read_run(second)[1] is Status.QUEUED


async def test_leaving_says_what_becomes_of_those_that_wait(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting(runs, "one", "two")
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "◷ queued")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert "2 runs wait in the queue, which is paused" in capsys.readouterr().err


async def test_the_question_before_leaving_counts_what_waits(runs: Path) -> None:
    record_run(runs, "20260131-120000-longer", end=None, until=3_510, began=time.time() - 900, pid=os.getpid())
    waiting(runs, "one", "two", paused=False)
    app = ArenaApp(runs, child("ok"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "● running", "◷ queued")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QuitScreen), "the question")
        await until_shown(pilot, "a run is active", "2 runs wait in the queue; they start one after the other")


@pytest.mark.slow
async def test_a_hostile_note_and_a_narrow_screen_do_no_harm_to_a_waiting_run(runs: Path) -> None:
    [run] = waiting(runs, "x" * 60)
    entry = next(Queue(runs).folder.glob("*.json"))
    entry.write_bytes(entry.read_bytes().replace(b'"cpu"', b'"[red]x[/red] \\u001b[2J"'))
    run.profile.write_text("[red]x[/red] \x1b[2J")
    app = ArenaApp(runs)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("tab")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen), "the monitor")
        await until_shown(pilot, "queued")
        await pilot.resize_terminal(120, 40)
        await until_shown(pilot, "It is next.")
        assert "\x1b" not in shown(app)


@pytest.mark.slow
async def test_a_console_starts_no_strangers_run_unless_it_is_adopted_after_a_look(
    runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as another:
        another.setenv("XDG_STATE_HOME", str(tmp_path / "another-users"))
        [run] = waiting(runs, "theirs", paused=False)
    app = ArenaApp(runs, child("ok"))
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "◷ queued    theirs")
        await pilot.press("tab")
        await until_shown(pilot, "It was not queued by you here")
        assert not runners()
        await pilot.press("a")
        await until_shown(pilot, "start it as yours when its turn comes?", "[data]")
        await pilot.press("escape")
        assert read_run(run)[1] is Status.QUEUED
        await pilot.press("a")
        await until_shown(pilot, "start it as yours when its turn comes?")
        await pilot.press("y")
        await until_shown(pilot, "✓ finished")
