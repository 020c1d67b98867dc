"""What opens an input takes all that is typed after it, however fast it comes; no question is answered unseen."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from data_profile import write_profile
from kept_files import add_checkpoints
from queued import add
from recorded import record_prediction, record_run
from screen import burst, child, choose, planner, until, until_shown
from terminal import Terminal
from textual.widgets import Input

from arena_tui.app.app import ArenaApp
from arena_tui.children.child import in_thread
from arena_tui.dataset.screen import DataScreen
from arena_tui.dialogs.ask import WriteScreen
from arena_tui.dialogs.path_input import AskPathScreen
from arena_tui.editor.dialogs import SaveAsScreen
from arena_tui.editor.screen import EditorScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.history.table import RunTable
from arena_tui.monitor.stop_dialog import StopScreen
from core.runs.folder import RunFolder, list_runs
from core.runs.notes import read_notes
from core.runs.queue import Queue
from core.runs.trash import discard, trashed

PASTED = "\x1b[200~{}\x1b[201~"


def ids(runs: Path) -> list[str]:
    return [run.id for run in list_runs(runs)]


@pytest.fixture
def run(runs: Path) -> RunFolder:
    return record_run(runs, "20260131-120000-first", end="finished", steps=40)


@pytest.mark.parametrize("typed", ["what", "days", "basel", "#note", "1 /?"])
async def test_a_filter_takes_what_is_typed_after_its_key(run: RunFolder, typed: str) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        burst(pilot, f"H/{typed}")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
        await until(pilot, lambda: [line.value for line in app.screen.query(Input)] == [typed], "the filter")
        assert app.screen.query_one(RunTable).sort.heading == "started"
        assert app.focused is app.screen.query_one(Input)
    assert ids(run.path.parent) == [run.id]


async def test_curves_of_runs_that_are_yet_to_be_read_are_written_once_they_are(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def from_a_slow_disk(read: Callable[[], object]) -> object:
        await asyncio.sleep(0.3)
        return await in_thread(read)

    monkeypatch.setattr("arena_tui.compare.screen.in_thread", from_a_slow_disk)
    record_run(run.path.parent, "20260131-130000-second", end="finished", steps=40)
    app = ArenaApp(run.path.parent)
    async with app.run_test() as pilot:
        await until(pilot, lambda: len(app.screen.runs) == 2, "the runs")
        burst(pilot, "H  cw")
        await until(pilot, lambda: list(Path.cwd().glob("*-and-1-more.csv")), "the file")


@pytest.mark.parametrize(("key", "typed"), [("#", "new days"), ("e", "what")])
async def test_a_note_and_a_name_are_written_in_one_go(run: RunFolder, key: str, typed: str) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        burst(pilot, f"H{key}\x15{typed}\r")
        await until(pilot, lambda: typed in (read_notes(run).note, read_notes(run).name), "what was typed")


@pytest.mark.slow
async def test_a_search_of_rows_takes_what_is_typed_and_writes_no_profile(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    path = write_profile(workplace)
    before = path.read_text()
    app = ArenaApp(workplace / "runs", plan_program=planner("nothing"))
    async with app.run_test() as pilot:
        await choose(pilot, "mine")
        burst(pilot, "d")
        await until(pilot, lambda: isinstance(app.screen, DataScreen), "the data")
        await until_shown(pilot, "40 rows · median", "40 · s:")
        burst(pilot, "\x1b[C/what\r")
        await until_shown(pilot, "“what”")
    assert path.read_text() == before


async def test_a_path_takes_what_is_typed_after_its_key(run: RunFolder) -> None:
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    (run.adapter / "adapter_model.safetensors").touch()
    app = ArenaApp(run.path.parent, watch=run)
    async with app.run_test() as pilot:
        await until_shown(pilot, "P predict")
        burst(pilot, "P\x15sRw.csv")
        await until(pilot, lambda: isinstance(app.screen, AskPathScreen), "the question")
        await until(pilot, lambda: [line.value for line in app.screen.query(Input)] == ["sRw.csv"], "the path")


async def test_the_editor_and_its_dialog_take_what_is_typed_after_their_keys(workplace: Path) -> None:
    app = ArenaApp(workplace / "runs")
    async with app.run_test() as pilot:
        await choose(pilot, "mine")
        burst(pilot, "e# rd\x1bOR")
        await until(pilot, lambda: isinstance(app.screen, SaveAsScreen), "where to")
        burst(pilot, "\x15old\r\r")
        editor = next(screen for screen in app.screen_stack if isinstance(screen, EditorScreen))
        await until(pilot, (workplace / "old.toml").exists, "the file")
        assert app.screen is editor
        assert editor.area.text.startswith("# rd")
    assert (workplace / "old.toml").read_text().startswith("# rd")


async def test_a_file_is_not_replaced_by_an_enter_from_before_the_warning(workplace: Path) -> None:
    (workplace / "old.toml").write_text("# old\n")
    app = ArenaApp(workplace / "runs")
    async with app.run_test() as pilot:
        await choose(pilot, "mine")
        burst(pilot, "e\x1bOR\x15old\r\r\r")
        await until_shown(pilot, "exists: enter again replaces it")
        await until(pilot, lambda: not app._keyboard._is_at_work, "all of it dealt with")
        assert (workplace / "old.toml").read_text() == "# old\n"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen), "the text")
    assert (workplace / "old.toml").read_text() != "# old\n"


@pytest.mark.parametrize(
    ("typed", "question", "meant"),
    [("H\x7fy", "delete this run?", "y"), ("HDy", "delete checkpoints?", "y"), ("Ht\r\r", "deleted runs", "enter")],
)
async def test_runs_are_not_moved_or_deleted_by_an_answer_from_before_the_question(
    run: RunFolder, typed: str, question: str, meant: str
) -> None:
    runs = run.path.parent
    add_checkpoints(run, 20, 40)
    discard(record_run(runs, "20260130-120000-old", end="finished", steps=40))
    app = ArenaApp(runs)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")

        def state() -> tuple[object, ...]:
            return ids(runs), len(trashed(runs)), sorted(run.checkpoints.glob("*")) if run.path.exists() else []

        before = state()
        burst(pilot, typed)
        await until_shown(pilot, question, "is no answer")
        assert state() == before
        await pilot.press(meant)
        await until(pilot, lambda: state() != before, "what was meant")


async def test_nothing_starts_or_stops_by_an_answer_from_before_the_question(runs: Path) -> None:
    record_run(runs, "20260131-120000-longer", end=None, steps=400, until=100, began=time.time() - 30, pid=os.getpid())
    app = ArenaApp(runs, child("ok"), planner("ok"))
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "● running")
        await choose(pilot, "mine")
        burst(pilot, "r\r")
        await until_shown(pilot, "start mine?", "is no answer")
        await pilot.press("escape")
        burst(pilot, "ql")
        await until_shown(pilot, "a run is active", "is no answer")
        await pilot.press("escape", "tab")
        burst(pilot, "\rss")
        await until(pilot, lambda: isinstance(app.screen, StopScreen), "the ladder")
        await until_shown(pilot, "is no answer")
        assert app.screen._asked == {}
    assert len(list_runs(runs)) == 1


async def test_a_prediction_is_not_stopped_by_an_answer_from_before_the_question(run: RunFolder) -> None:
    prediction = record_prediction(run, end=None, began=time.time() - 30, pid=os.getpid())
    app = ArenaApp(run.path.parent, watch=prediction)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "s Stop")
        burst(pilot, "ss")
        await until_shown(pilot, "stop this prediction?", "is no answer")
        await pilot.press("q")
        await until_shown(pilot, "s Stop")
        assert not app.screen.is_modal


async def test_a_waiting_run_is_not_taken_out_by_an_answer_from_before_the_question(runs: Path) -> None:
    queue = Queue(runs)
    queue.pause()
    add(queue, "one")
    app = ArenaApp(runs, child("ok"))
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "◷ queued")
        burst(pilot, "\t\x7fy")
        await until_shown(pilot, "take it out of the queue?", "is no answer")
        assert len(queue.waiting()) == 1


async def test_a_paste_is_text_for_an_input_and_nothing_elsewhere(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        burst(pilot, PASTED.format("q"))
        await until_shown(pilot, "text can be pasted only into an input line")
        burst(pilot, "H" + PASTED.format("days\ry") + "t")
        await until_shown(pilot, "1 of 1", "text can be pasted only into an input line")
        burst(pilot, "#" + PASTED.format("one\rtwo\x1b[C\r"))
        await until(pilot, lambda: isinstance(app.screen, WriteScreen), "the note")
        await until(pilot, lambda: app.screen.query_one(Input).value == "one", "its first line")
        assert read_notes(run).note == ""
    assert ids(run.path.parent) == [run.id]


@pytest.mark.slow
def test_in_a_real_terminal_one_write_of_many_keys_does_only_what_was_meant(run: RunFolder) -> None:
    with Terminal(run.path.parent.parent) as opened:
        opened.until_seen("✓ finished")
        opened.type("H/days\x1b[200~ what\x1b[A\x1b[201~?q")
        opened.until_seen(" days what␛[A?q ")
        opened.type("\x1b")
        opened.until(lambda: "days what" not in opened.screen.text, "all runs")
        opened.until_quiet()
        opened.type("\x7fy")
        opened.until_seen("is no answer")
        opened.type("\x1b[200~y")  # a paste that comes in two parts
        opened.type("\r\x1b[201~")
        opened.until_seen("text can be pasted only")
    assert ids(run.path.parent) == [run.id]
