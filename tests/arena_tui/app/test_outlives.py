"""Runs outlive the console that started them, its terminal, and other consoles; every console finds them again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from recorded import record_run
from screen import HERE, child, only_run, planner, start, until_shown
from terminal import SECONDS, Terminal

from arena_tui.app.app import ArenaApp
from core.runs import events
from core.runs.folder import RunFolder, list_runs
from core.runs.liveness import is_run_alive
from core.runs.record import Tail
from core.runs.state import Status, read_run

pytestmark = pytest.mark.slow

# The console as a program of its own, whose runs are played by the scripted child.
CONSOLE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from screen import child, planner
from arena_tui.app.app import ArenaApp
ArenaApp(Path("runs"), child(sys.argv[2]), planner("ok")).run()
"""


def console(scenario: str) -> list[str]:
    return [sys.executable, "-P", "-c", CONSOLE, str(HERE), scenario]


def started_in(terminal: Terminal, runs: Path) -> RunFolder:
    """A run that is started with the keys of a user, and seen to train."""
    terminal.until_seen("mine")
    terminal.type("j")  # the user's own, next to the demo
    terminal.until_seen("mine.csv")
    terminal.type("r")
    terminal.until_seen("start mine?")
    terminal.type("\r")
    terminal.until(lambda: list_runs(runs) and read_run(only_run(runs))[0].step >= 200, "step 200")
    return only_run(runs)


def test_a_console_that_was_started_under_nohup_ends_with_its_terminal_all_the_same(workplace: Path) -> None:
    deaf = ("sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *console("ok"))
    with Terminal(workplace, (120, 40), deaf) as terminal:
        terminal.until_seen("mine")
        terminal.hang_up()
        terminal.process.wait(SECONDS)


@pytest.mark.parametrize("end", ["killed", "hung up"])
def test_a_run_outlives_its_console_and_the_next_one_shows_all_of_it(workplace: Path, runs: Path, end: str) -> None:
    with Terminal(workplace, (120, 40), console("hang")) as terminal:
        run = started_in(terminal, runs)
        if end == "killed":
            terminal.process.kill()
        else:
            terminal.hang_up()
        terminal.process.wait(SECONDS)
    assert is_run_alive(run)
    with Terminal(workplace, (120, 40), console("hang")) as second:
        second.until_seen("running")
        second.type("\t")
        second.until_seen("opens it")
        second.type("\r")
        second.until_seen("200 / 400")
        assert is_run_alive(run)
    assert [step.step for step in read_run(run)[0].steps] == list(range(10, 201, 10))


def test_two_consoles_may_watch_one_run_and_both_may_stop_it(workplace: Path, runs: Path) -> None:
    with (
        Terminal(workplace, (120, 40), console("hang")) as first,
        Terminal(workplace, (120, 40), console("hang")) as second,
    ):
        run = started_in(first, runs)
        second.until_seen("running")
        second.type("\t")
        second.until_seen("opens it")
        second.type("\r")
        second.until_seen("200 / 400")
        for terminal in (first, second):
            terminal.type("s")
            terminal.until_seen("stop this run?")
        for terminal in (first, second):
            terminal.type("s")
        for terminal in (first, second):
            terminal.until_seen("cancelled")
    assert read_run(run)[1] is Status.CANCELLED
    ends = [event for event in Tail(run.events).read() if isinstance(event, events.Last)]
    assert len(ends) == 1


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Within it nothing can be written in `folder`, by root neither."""
    binds = [["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder]]
    if any(subprocess.run(bind, capture_output=True).returncode for bind in binds):
        pytest.skip("a read-only mount takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_runs_in_a_folder_that_cannot_be_written_are_watched_all_the_same(runs: Path) -> None:
    record_run(runs, "20260131-120000-x", end="finished", steps=100)
    with read_only(runs):
        app = ArenaApp(runs, child("ok"), planner("ok"))
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "✓ finished")
            await pilot.press("tab", "enter")
            await until_shown(pilot, "evaluation log loss")
            await pilot.press("escape", "tab")
            await start(pilot)
            await until_shown(pilot, "the run did not start", "read-only file system")


# Each file of a run takes as long to be opened as over a bad network.
SLOW = """
import sys, time
def slow(event, arguments):
    if event == "open" and "/runs/2026" in str(arguments[0]):
        time.sleep(0.1)
sys.addaudithook(slow)
"""


def test_a_slow_file_system_holds_up_no_key(workplace: Path, runs: Path) -> None:
    for n in range(40):
        record_run(runs, f"20260131-1200{n:02}-old{n}", end="finished", steps=10)
    slow = [sys.executable, "-P", "-c", SLOW + CONSOLE, str(HERE), "ok"]
    with Terminal(workplace, (120, 40), slow) as terminal:
        terminal.until_seen("profiles")
        terminal.type("?")
        terminal.until_seen("Start the chosen profile")
        assert b"old39" not in terminal.seen, "it was not slow: the test shows nothing"
        terminal.type("\x1b")
        terminal.until_seen("old39")
