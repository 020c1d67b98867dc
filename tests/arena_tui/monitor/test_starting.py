"""A run that has just been launched says what it is doing, how far it is, and for how long."""

import os
import re
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import play
from screen import shown, until, until_shown
from textual.widgets import Log

from arena_tui.app.app import ArenaApp
from arena_tui.monitor.text import PrintedSoFar, _line
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process
from core.runs.record import Record
from core.runs.state import RunState, fold

IMPORTS = events.Phase(phase="loading", detail="importing torch and transformers")
MAKING = events.Phase(phase="loading", detail="making the demo's base", done=125, total=250, unit="batches")
NOISE = "[transformers] \x1b[1mLOAD REPORT\x1b[0m from: /model\nscore.weight | MISSING |\n"


def starting(runs: Path, *told: events.AnyEvent, ago: float, alive: bool = True) -> RunFolder:
    """A run that this process has at work since `ago` seconds, which has told so much."""
    folder = RunFolder(runs / "20260131-120000-x")
    folder.path.mkdir(parents=True)
    folder.resolved.write_text(to_toml(Profile()))
    me = describe_this_process(["arena"])
    folder.write_info(me if alive else replace(me, pid=2**22 + 1))
    if alive:
        play(folder)
    assert me.pid == os.getpid()
    with Record(folder.events) as record:
        for event in told:
            record.write(replace(event, time=time.time() - ago))
    folder.console_log.write_text(f"12:00:00 importing torch\n{NOISE}12:00:01 loading the base\n")
    return folder


def seconds_elapsed(app: ArenaApp) -> int:
    minutes, seconds = re.search(r"0:(\d\d):(\d\d) elapsed", shown(app)).groups()
    return 60 * int(minutes) + int(seconds)


async def test_the_clock_ticks_and_the_stage_is_named_before_anything_is_done(tmp_path: Path) -> None:
    folder = starting(tmp_path, IMPORTS, ago=49)
    app = ArenaApp(tmp_path, watch=folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "starting: importing torch and transformers", " elapsed")
        first = seconds_elapsed(app)
        assert first >= 49
        await until(pilot, lambda: seconds_elapsed(app) > first, "the clock's next second")
        await pilot.press("escape")
        await until_shown(pilot, "◌ starting  x", "0:0")
        await pilot.press("tab")
        await until_shown(pilot, "now ", "importing torch and transformers")


async def test_a_stage_says_how_far_it_is(tmp_path: Path) -> None:
    app = ArenaApp(tmp_path, watch=starting(tmp_path, MAKING, ago=1))
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "starting: making the demo's base", "125 / 250 batches", "50.0 %")


async def test_a_run_that_is_resumed_says_from_where(tmp_path: Path) -> None:
    resumed = events.Resumed(step=50, checkpoint="checkpoints/checkpoint-50")
    app = ArenaApp(tmp_path, watch=starting(tmp_path, resumed, IMPORTS, ago=1))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "starting: importing torch", "continues after step 50")


async def test_what_libraries_print_is_hidden_until_it_is_asked_for(tmp_path: Path) -> None:
    app = ArenaApp(tmp_path, watch=starting(tmp_path, IMPORTS, ago=1))
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "12:00:00 importing torch", "12:00:01 loading the base", "2 lines of libraries hidden")
        log = app.screen.query_one(Log)
        assert not any("MISSING" in line for line in log.lines)
        await pilot.press("L")
        await until(pilot, lambda: [line[:8] for line in log.lines][1:3] == ["[transfo", "score.we"], "all lines")
        await pilot.press("L")
        await until(pilot, lambda: len(log.lines) == 2, "the lines of the run")


async def test_all_that_was_printed_is_shown_of_a_run_that_was_lost(tmp_path: Path) -> None:
    app = ArenaApp(tmp_path, watch=starting(tmp_path, IMPORTS, ago=1, alive=False))
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "? lost", "score.weight | MISSING |")


@pytest.mark.parametrize(("done", "told"), [(0, True), (20, False), (70, True), (90, False), (249, True), (250, False)])
def test_followed_in_lines_a_stage_is_told_once_a_quarter(tmp_path: Path, done: int, told: bool) -> None:
    before = PrintedSoFar(RunFolder(tmp_path)).state
    known = {0: before, 20: 0, 70: 20, 90: 70, 249: 90, 250: 249}[done]
    if not isinstance(known, RunState):
        known = fold(before, [replace(MAKING, done=known)])
    line = _line(replace(MAKING, done=done), known)
    assert line == (f"making the demo's base: {done} of 250 batches" if told else None)
