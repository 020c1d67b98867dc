"""What was changed is taken back by one key, in order, and never more than that."""

from pathlib import Path

import pytest
from data_profile import write_profile
from queued import add, ids
from recorded import record_run
from screen import choose, planner, shown, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.dataset.screen import DataScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.screen.profiles import set_in_file
from core.profile.files import find_profile
from core.runs.entry import Standing, standing
from core.runs.folder import RunFolder, list_runs
from core.runs.notes import read_notes, write_notes
from core.runs.queue import Queue
from core.runs.trash import trashed


@pytest.fixture
def run(runs: Path) -> RunFolder:
    return record_run(runs, "20260131-120000-first", end="finished", steps=40)


async def test_a_name_a_note_and_a_deletion_are_taken_back_the_last_one_first(run: RunFolder) -> None:
    runs = run.path.parent
    write_notes(run, note="old")
    app = ArenaApp(runs)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        await pilot.press("H", "number_sign", *"er", "enter")
        await until_shown(pilot, "older")
        await pilot.press("e", *"!", "enter")
        await until(pilot, lambda: read_notes(run).name == "first!", "the name")
        await pilot.press("delete")
        await until_shown(pilot, "delete this run?")
        await pilot.press("y")
        await until_shown(pilot, "0 of 0", "u puts it back")
        for done in ("is put back", "the name of", "the note of"):
            await pilot.press("u")
            await until_shown(pilot, done)
        assert read_notes(run).name == ""
        assert read_notes(run).note == "old"
        await until_shown(pilot, "1 of 1")
        await pilot.press("u")
        await until_shown(pilot, "there is nothing to undo")


async def test_a_note_that_was_changed_elsewhere_since_stays(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        await pilot.press("H", "number_sign", *"mine", "enter")
        await until_shown(pilot, "mine")
        write_notes(run, note="theirs")
        await pilot.press("u")
        await until_shown(pilot, "not undone", "notes.toml of")
    assert read_notes(run).note == "theirs"


async def test_a_run_put_back_from_the_trash_goes_there_again_and_one_deleted_for_good_is_gone(run: RunFolder) -> None:
    runs = run.path.parent
    app = ArenaApp(runs)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        await pilot.press("H", "delete")
        await until_shown(pilot, "delete this run?")
        await pilot.press("y")
        await until_shown(pilot, "0 of 0")
        await pilot.press("t")
        await until_shown(pilot, run.id)
        await pilot.press("enter")
        await until(pilot, lambda: list_runs(runs), "the run back")
        await pilot.press("escape", "u")
        await until(pilot, lambda: trashed(runs), "the run in the trash again")
        await pilot.press("t")
        await until_shown(pilot, run.id)
        await pilot.press("E")
        await until_shown(pilot, "cannot be undone")
        await pilot.press("y")
        await until(pilot, lambda: not trashed(runs), "an empty trash")
        await pilot.press("escape", "u")
        await until_shown(pilot, "not undone")
    assert list_runs(runs) == []


async def test_a_run_has_its_place_in_the_queue_again(runs: Path) -> None:
    queue = Queue(runs)
    queue.pause()
    first, second = add(queue, "one", "two")
    profile = first.profile.read_text()
    app = ArenaApp(runs)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until_shown(pilot, "◷ queued")
        app.screen.query_one("#runs").focus()
        app.screen.query_one("#runs").highlighted = [view.folder.id for view in app.screen.runs].index(first.id)
        await pilot.press("J")
        await until(pilot, lambda: ids(queue) == [second.id, first.id], "the other order")
        await pilot.press("delete")
        await until_shown(pilot, "take it out of the queue?")
        await pilot.press("y")
        await until(pilot, lambda: not first.path.exists(), "the run gone")
        await until_shown(pilot, "u puts it back")
        await pilot.press("u")
        await until(pilot, lambda: ids(queue) == [second.id, first.id], "the run in its place")
        assert first.profile.read_text() == profile
        assert {standing(*one) for one in queue.waiting()} == {Standing.OURS}
        await pilot.press("u")
        await until(pilot, lambda: ids(queue) == [first.id, second.id], "the first order")


@pytest.mark.slow
async def test_what_the_data_screen_wrote_is_taken_back_and_seen_on_it(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    path = write_profile(workplace)
    before = path.read_text()
    app = ArenaApp(workplace / "runs", plan_program=planner("nothing"))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await choose(pilot, "mine")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DataScreen), "the data")
        await until_shown(pilot, "40 rows · median", "as in the profile")
        await pilot.press("right", "t", "w")
        await until_shown(pilot, "written: profiles/mine.toml; u undoes it")
        await pilot.press("p")
        await until(pilot, lambda: 'by = "prompt"' in path.read_text(), "the split")
        await pilot.press("u")
        await until_shown(pilot, "undone")
        assert "max_length = 320" in path.read_text()
        assert 'by = "prompt"' not in path.read_text()
        await pilot.press("u")
        await until_shown(pilot, "limit 256 · right", "as in the profile")
    assert path.read_text() == before


@pytest.mark.usefixtures("workplace")
def test_ones_own_copy_of_a_shipped_profile_goes_when_its_first_write_is_taken_back() -> None:
    written = set_in_file(find_profile("demo"), [("train.seed", 7)])
    assert written.path.exists()
    written.take_back()
    assert not written.path.exists()
    assert find_profile("demo").exists()


async def test_a_console_that_may_only_watch_has_no_undo(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent, readonly=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.screen.runs, "the runs")
        await pilot.press("u")
        await until_shown(pilot, "this console is read-only")
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
        await pilot.press("question_mark")
        await until_shown(pilot, "Open the chosen run")
        assert "Undo the last" not in shown(app)
