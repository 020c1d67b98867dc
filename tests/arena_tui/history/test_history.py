"""The table of all runs: sorting, filtering, names and notes, deleting and pruning, in the console."""

import os
import shutil
from pathlib import Path

import pytest
from kept_files import add_checkpoints, checkpoint_names
from recorded import record_run
from screen import shown, until, until_shown
from scripted_child import HOSTILE
from textual.pilot import Pilot

from arena_tui.app.app import ArenaApp
from arena_tui.history.columns import COLUMNS, fitting
from arena_tui.history.screen import HistoryScreen
from arena_tui.history.table import RunTable
from arena_tui.monitor.screen import MonitorScreen
from arena_tui.widgets.menu import Menu
from core.runs.folder import list_runs
from core.runs.notes import read_notes, write_notes
from core.runs.trash import discard, trashed

pytestmark = pytest.mark.slow

SIZES = [(80, 24), (120, 40)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))


def some(runs: Path) -> None:
    record_run(runs, "20260131-120000-first", end="finished", steps=400)
    record_run(runs, "20260131-130000-second", end="cancelled", steps=400, until=100)
    record_run(runs, "20260131-140000-third", end="failed", steps=400, until=300)


async def open_table(pilot: Pilot[None]) -> RunTable:
    await until(pilot, lambda: pilot.app.screen.runs, "the runs on the home screen")
    await pilot.press("H")
    await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen), "the table")
    await pilot.pause()
    return pilot.app.screen.query_one(RunTable)


def names(table: RunTable) -> list[str]:
    return [row.run.name for row in table.rows]


@pytest.mark.parametrize("size", SIZES)
async def test_every_column_sorts_and_runs_without_its_value_come_last(runs: Path, size: tuple[int, int]) -> None:
    some(runs)
    (runs / "20260131-150000-empty").mkdir()
    (runs / "20260131-150000-empty" / "resolved.toml").write_text("")
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        table = await open_table(pilot)
        assert names(table) == ["empty", "third", "second", "first"]
        for _ in COLUMNS:
            await pilot.press("right")
            valued = [table.sort.value(row) for row in table.rows]
            present = [value for value in valued if value is not None]
            assert present == sorted(present, reverse=table.sort.descends)  # type: ignore[type-var]
            assert valued == present + [None] * (len(valued) - len(present))
            await pilot.press("o")
            assert [table.sort.value(row) for row in table.rows][: len(present)] == present[::-1]
            await until_shown(pilot, f"{table.sort.heading} {'▲' if table.sort.descends else '▼'}")


async def test_the_column_to_sort_by_is_chosen_from_a_list(runs: Path) -> None:
    some(runs)
    app = ArenaApp(runs)
    async with app.run_test(size=SIZES[0]) as pilot:
        table = await open_table(pilot)
        await pilot.press("S")
        await until_shown(pilot, "sort by", *(column.heading for column in COLUMNS[:3]))
        await pilot.press("home", "enter")
        await until(pilot, lambda: table.sort is COLUMNS[0], "the column")


@pytest.mark.parametrize("width", range(60, 301, 7))
def test_the_columns_fit_any_width_and_the_one_sorted_by_is_among_them(width: int) -> None:
    for column in COLUMNS:
        shown_columns = fitting(width, column, [])
        assert column in [one for one, _ in shown_columns]
        assert sum(cells + 1 for _, cells in shown_columns) <= width


@pytest.mark.parametrize("size", SIZES)
async def test_a_filter_takes_words_in_any_order_and_escape_shows_all_again(runs: Path, size: tuple[int, int]) -> None:
    some(runs)
    write_notes(list_runs(runs)[0], note="Lower RATE")
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        table = await open_table(pilot)
        await pilot.press("slash", *"rate failed", "enter")
        assert names(table) == ["third"]
        await pilot.press("j", "space")  # keys are the table's again
        await until_shown(pilot, "1 of 3", "1 selected")
        await pilot.press("slash", *"[red]", "enter")
        await until_shown(pilot, "0 of 3", "no runs to show")
        await pilot.press("enter", "delete", "number_sign", "e", "D", "space", "c")  # no run to do anything to
        await pilot.press("escape")
        assert len(table.rows) == 3
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HistoryScreen), "home")


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_and_notes_are_shown_harmlessly_everywhere(runs: Path, size: tuple[int, int]) -> None:
    some(runs)
    run = list_runs(runs)[0]
    write_notes(run, name="\x1b[2J[red]x[/red]", note=HOSTILE)
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "␛")
        await open_table(pilot)
        await until_shown(pilot, "␛[2J[red]x", "[red]x[/red] [/] ␛[2J")
        for key in ("number_sign", "e", "delete"):
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, HistoryScreen), "a dialog")
            await pilot.pause()
            assert not set(shown(app)) & {"\x1b", "\u202e", "\x07"}
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")


async def test_a_run_is_renamed_and_annotated_and_home_shows_its_name(runs: Path) -> None:
    some(runs)
    run = list_runs(runs)[0]
    write_notes(run, note="old\nsecond line")
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_table(pilot)
        await pilot.press("number_sign")
        await until_shown(pilot, "The rest, 1 line, stays")
        await pilot.press("end", *" and new", "enter")
        await until_shown(pilot, "old and new")
        await pilot.press("e")
        await until_shown(pilot, "its folder stays")
        await pilot.press("end", *" best", "enter")
        await until_shown(pilot, "third best")
        assert read_notes(run).note == "old and new\nsecond line"
        assert run.path.name == "20260131-140000-third"
        await pilot.press("escape")
        await until_shown(pilot, "profiles", "third best")
        await pilot.press("tab")
        await until_shown(pilot, "old and new", "second line")


async def test_notes_that_cannot_be_written_are_not_lost_in_silence(runs: Path) -> None:
    some(runs)
    list_runs(runs)[0].notes.write_text("name = [broken")
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_table(pilot)
        await pilot.press("number_sign", "x", "enter")
        await until_shown(pilot, "not written", "correct")


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_deleted_after_a_question_and_comes_back(runs: Path, size: tuple[int, int]) -> None:
    some(runs)
    add_checkpoints(list_runs(runs)[0], 100, size=3 << 20)
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        table = await open_table(pilot)
        await pilot.press("delete")
        await until_shown(pilot, "delete this run?", "checkpoints of 3 MiB", "trash")
        await pilot.press("escape")
        assert len(list_runs(runs)) == 3
        await pilot.press("delete")
        await until_shown(pilot, "delete this run?")
        await pilot.press("y")
        await until(pilot, lambda: names(table) == ["second", "first"], "the run gone")
        await pilot.press("t")
        await until_shown(pilot, "20260131-140000-third", "put back")
        await pilot.press("enter")
        await until(pilot, lambda: len(list_runs(runs)) == 3, "the run back")
        await until_shown(pilot, "none")
        await until(pilot, lambda: app.screen.query_one(".box").size.height < 8, "a frame as small as what it holds")
        await pilot.press("escape")
        await until(pilot, lambda: names(table) == ["third", "second", "first"], "the run in the table")


async def test_two_put_back_at_once_can_both_be_taken_back(runs: Path) -> None:
    some(runs)
    for run in list_runs(runs)[:2]:
        discard(run)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_table(pilot)
        await pilot.press("t")
        await until_shown(pilot, "20260131-140000-third", "20260131-130000-second")
        menu = app.screen.query_one(Menu)
        menu.action_select()  # as two clicks come, which wait for nothing
        menu.action_cursor_down()
        menu.action_select()
        await until_shown(pilot, "none")
        await pilot.press("escape", "u")
        await until(pilot, lambda: len(trashed(runs)) == 1, "one in the trash again")
        await pilot.press("u")
        await until(pilot, lambda: len(trashed(runs)) == 2, "both in the trash again")


async def test_what_is_said_in_the_trash_stays_while_it_is_read_anew(runs: Path) -> None:
    some(runs)
    discard(list_runs(runs)[0])
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_table(pilot)
        await pilot.press("t")
        await until_shown(pilot, "20260131-140000-third", " KiB ")
        await pilot.press("b")
        await until_shown(pilot, "b does nothing here")
        await pilot.press("enter")
        await until_shown(pilot, "none")
        assert "b does nothing here" in shown(app)
        app.screen._say_no_more()  # as the clock would
        await until_shown(pilot, " 0 MiB ")


async def test_what_is_told_of_a_run_is_fitted_to_another_size(runs: Path) -> None:
    record_run(runs, f"20260131-120000-{'long-' * 20}name", end="finished", steps=40)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_table(pilot)
        await until_shown(pilot, " runs/20260131-120000-long-", "…")
        await pilot.resize_terminal(160, 40)
        await until_shown(pilot, f" runs/20260131-120000-{'long-' * 20}name ")


async def test_the_trash_is_emptied_only_after_a_question(runs: Path) -> None:
    some(runs)
    discard(list_runs(runs)[0])
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_table(pilot)
        await pilot.press("t")
        await until_shown(pilot, "20260131-140000-third")
        await pilot.press("E")
        await until_shown(pilot, "cannot be undone")
        await pilot.press("escape")
        assert len(trashed(runs)) == 1
        await pilot.press("E")
        await until_shown(pilot, "cannot be undone")
        await pilot.press("y")
        await until(pilot, lambda: not trashed(runs), "an empty trash")


async def test_a_living_run_cannot_be_deleted(runs: Path) -> None:
    record_run(runs, "20260131-120000-living", end=None, steps=400, pid=os.getpid())
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_table(pilot)
        await pilot.press("delete")
        await until_shown(pilot, "stop it first")
        assert len(list_runs(runs)) == 1


async def test_a_run_deleted_while_another_console_watches_it_only_vanishes(runs: Path) -> None:
    some(runs)
    run = list_runs(runs)[0]
    watching = ArenaApp(runs, watch=run)
    async with watching.run_test(size=(120, 40)) as watcher:
        await until_shown(watcher, "✗ failed")
        other = ArenaApp(runs)
        async with other.run_test(size=(80, 24)) as pilot:
            await open_table(pilot)
            await pilot.press("delete")
            await until_shown(pilot, "delete this run?")
            await pilot.press("y")
            await until(pilot, lambda: not run.path.exists(), "the run moved")
        await watcher.press("p")
        await until_shown(watcher, "cannot be read")
        await watcher.press("escape")
        assert isinstance(watching.screen, MonitorScreen)
        await watcher.press("escape")
        await until(watcher, lambda: len(watching.screen.runs) == 2, "one run less")


async def test_runs_deleted_from_disk_under_the_table_are_no_trouble(runs: Path) -> None:
    some(runs)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        table = await open_table(pilot)
        await pilot.press("end", "space")
        shutil.rmtree(list_runs(runs)[-1].path)
        await until(pilot, lambda: names(table) == ["third", "second"] and not table.selected, "one run less")
        shutil.rmtree(runs)
        await until_shown(pilot, "0 of 0")
        await pilot.press("delete", "number_sign", "D", "C", "t")


async def test_pruning_says_what_it_frees_and_keeps_the_newest_intact_checkpoint(runs: Path) -> None:
    some(runs)
    for run in list_runs(runs):
        add_checkpoints(run, 100, 200, size=2 << 20)
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_table(pilot)
        await pilot.press("D")
        await until_shown(pilot, "2 MiB of checkpoints to delete", "checkpoint-100", "kept: checkpoint-200")
        await pilot.press("escape", "C")
        await until_shown(pilot, "6 MiB of checkpoints to delete")
        await pilot.press("y")
        await until(pilot, lambda: all(checkpoint_names(run) == ["checkpoint-200"] for run in list_runs(runs)), "less")
        await pilot.press("D")
        await until_shown(pilot, "No checkpoint to delete")


async def test_five_hundred_runs_are_walked_to_the_end_and_only_seen_lines_are_drawn(runs: Path) -> None:
    for i in range(500):
        record_run(runs, f"20260131-{i // 60:02}{i % 60:02}00-run{i}", end="finished", steps=10)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        table = await open_table(pilot)
        await until_shown(pilot, "500 of 500", "run499")
        assert len(table._drawn) <= 24
        await pilot.press("end")
        await until_shown(pilot, "run0 ")
        await pilot.press("home", "slash", *"run25")
        await until_shown(pilot, "11 of 500")
