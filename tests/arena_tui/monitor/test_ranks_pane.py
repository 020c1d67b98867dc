"""Runs of several ranks: a line each, the slowest marked, in a pane that no other run has; and in plain text."""

import io
import json
import os
import re
import time
from pathlib import Path

import msgspec
import pytest
from recorded import SECONDS_A_STEP, readings, record_run
from screen import shown, until_shown
from scripted_child import started

from arena_tui.app.app import ArenaApp
from arena_tui.compare.view import as_text
from arena_tui.history.columns import Row
from arena_tui.history.text import as_json
from arena_tui.monitor.text import follow
from arena_tui.runs.follow import Follower
from arena_tui.runs.ranks import computed_on, slowest
from core.runs.events import Device
from core.runs.folder import RunFolder

REACHED = 100


def at_work(runs: Path, ranks: int) -> RunFolder:
    """A run that this process plays."""
    began = float(int(time.time())) - 20 - REACHED * SECONDS_A_STEP
    run_id = f"20260131-120000-{ranks}"
    return record_run(runs, run_id, end=None, until=REACHED, began=began, pid=os.getpid(), ranks=ranks)


@pytest.mark.parametrize(
    ("ranks", "size"), [(2, (60, 20)), (64, (60, 20)), (8, (80, 24)), (64, (110, 32)), (64, (120, 40)), (8, (200, 60))]
)
async def test_each_rank_has_a_line_and_the_slowest_is_marked(runs: Path, ranks: int, size: tuple[int, int]) -> None:
    app = ArenaApp(runs, watch=at_work(runs, ranks))
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "100 / 5,748")
        await pilot.press("8")
        mark = "◀" if size == (110, 32) else "◀ slowest"  # where the words have no room
        await until_shown(pilot, f"ranks: {ranks} × NVIDIA H200", "peak memory", mark)
        lines = shown(app).splitlines()
        [marked] = [line for line in lines if re.search(rf"│ +1 .*{mark} ", line)] or [""]
        assert marked, shown(app)
        assert all(f"{mark} 1" in line for line in lines if " least " in line)
        assert all("◀" not in line for line in lines if " median " in line or "  most " in line)
        assert any("median" in line for line in lines) == (ranks > 4)
        await pilot.press("G")
        await until_shown(pilot, f" {ranks - 1}  ")
        assert re.search(rf"│ +{ranks - 1} +[\d,]+ +33\.\d GiB", shown(app)), shown(app)


async def test_a_run_of_one_rank_has_no_such_pane_and_its_key_says_why(runs: Path) -> None:
    app = ArenaApp(runs, watch=at_work(runs, 1))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "100 / 5,748", "7 log")
        assert "8 ranks" not in shown(app)
        await pilot.press("8")
        await until_shown(pilot, "the run has a single rank")
        await pilot.press("shift+tab")
        await until_shown(pilot, "╭─ 7 log")


def test_where_all_wait_as_much_none_is_the_slowest() -> None:
    assert slowest(readings(3)) == 1
    assert slowest(readings(3)[:1] * 3) is None
    assert slowest([]) is None
    near, far = (msgspec.structs.replace(readings(2)[0], waited=waited) for waited in (0.024, 0.0255))
    assert slowest([near, far]) is None, "they round to another percent each, and are noise all the same"
    assert slowest([near, msgspec.structs.replace(far, waited=0.0341)]) == 0


async def test_the_result_says_on_what_it_was_computed_and_all_tabs_are_seen(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-x", end="finished", steps=40, ranks=2)
    async with ArenaApp(runs, watch=run).run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished", "computed on", "2 × NVIDIA H200", " 8 ranks")


def test_ranks_that_share_a_processor_are_no_processors_of_their_own() -> None:
    device = Device(kind="cpu", name="x86_64", memory=2**34)
    several = msgspec.structs.replace(started(), device=device, ranks=[device] * 3)
    assert computed_on(several) == "3 ranks on x86_64"
    assert computed_on(several, " on ") == "3 on x86_64", "where it stands already that these are ranks"


async def test_the_log_beside_the_ranks_is_not_cut(runs: Path) -> None:
    async with (app := ArenaApp(runs, watch=at_work(runs, 8))).run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "loss 0.9500, 15,480 tokens/s", "◀ slowest 1")
        assert "›" not in shown(app)


def test_lines_lists_and_comparisons_say_on_how_many_cards_a_run_was(runs: Path) -> None:
    several, one = (record_run(runs, f"20260131-12000{n}-x", end="finished", steps=40, ranks=n) for n in (2, 1))
    out = io.StringIO()
    follow(several, out)
    assert "bf16 on 2 × NVIDIA H200" in out.getvalue()
    assert "peak 33.2 GiB  rank 1 slowest, others wait up to 3.4 %" in out.getvalue()
    views = [Follower(run).read() for run in (several, one)]
    listed = json.loads(as_json([Row(view, None) for view in views]))
    assert [(run["ranks"], run["device"]) for run in listed] == [(2, "2 × NVIDIA H200"), (1, "NVIDIA H200")]
    assert re.search(r"^ranks +2 +1 *$", as_text(views), re.MULTILINE)
    assert "ranks" not in as_text(views[1:])
