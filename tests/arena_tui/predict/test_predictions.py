"""All predictions in a list: opened, stopped, deleted and put back, on the screen and by commands."""

import asyncio
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_prediction, record_run
from screen import HERE, burst, shown, until, until_shown

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.children.child import in_thread
from arena_tui.predict.list_screen import PredictionsScreen
from arena_tui.predict.listing import Prediction, PredictionList, line
from arena_tui.predict.screen import PredictionScreen
from arena_tui.screen.footer import Footer
from core.predict.actions import predict
from core.predict.folder import PredictionFolder, list_all_predictions, trashed_predictions
from core.predict.request import Member, Request
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive
from core.runs.record import Record
from core.runs.state import Status, read_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def run(runs: Path) -> RunFolder:
    return record_run(runs, "20260131-120000-longer", end="finished", steps=200)


@pytest.fixture
def done(run: RunFolder) -> PredictionFolder:
    return record_prediction(run, end="predicted")


def begun(run: RunFolder) -> PredictionFolder:
    """A prediction by a real process, which hangs at 10,000 of 25,000 rows."""
    (run.path.parent.parent / "rows.csv").write_text("id\n")
    request = Request(
        members=[Member(str(run.path), str(run.adapter), 1.0)], test=str(run.path.parent.parent / "rows.csv")
    )
    job = predict(request, [sys.executable, "-P", str(HERE / "scripted_prediction.py"), "hang"])
    job.start()
    return job.folder


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_all_predictions_are_listed_and_one_is_opened(
    done: PredictionFolder, runs: Path, size: tuple[int, int]
) -> None:
    record_prediction(record_run(runs, "20260131-130000-other", end="cancelled", steps=200), end=None)
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "finished")
        await pilot.press("O")
        await until_shown(pilot, "✓ finished", "? lost", "0.9391", "60.0 %", "with 20260131-1")
        assert isinstance(app.screen, PredictionsScreen)
        await pilot.press("O")  # it is there already
        assert len(app.screen_stack) == 2
        [place] = [n for n, prediction in enumerate(app.screen.predictions) if prediction.folder.path == done.path]
        await pilot.press(*["j"] * place)
        await until_shown(pilot, "written to runs/2026", "/submission.csv")  # whatever room there is between both
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PredictionScreen), "the prediction")
        await until_shown(pilot, "25,000 rows predicted, written to")
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, PredictionsScreen), "the list again")
        assert len(app.screen_stack) == 2, "it is the same one, not another on top of it"
        await pilot.press("escape")
        await until_shown(pilot, "profiles")


async def test_one_that_goes_on_stands_first_and_is_stopped_and_then_deleted(
    run: RunFolder, done: PredictionFolder, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena_tui.predict.list_screen.SECONDS_BETWEEN_READS", 0.05)
    going_on = begun(run)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "finished")
        await pilot.press("O")
        await until_shown(pilot, "● running", "40.0 %")
        assert [prediction.folder.id for prediction in app.screen.predictions] == [going_on.id, done.id]
        await pilot.press("delete")
        await until_shown(pilot, "it is running: stop it first")
        await pilot.press("s")
        await until_shown(pilot, "stop this prediction?")
        await pilot.press("s")
        await until(pilot, lambda: is_run_alive(going_on) is False, "its end")
        await until_shown(pilot, "■ cancelled")
        await pilot.press("s")
        await until_shown(pilot, "this prediction is over")
        await pilot.press("delete")
        await until_shown(pilot, "delete this prediction?", f"Delete the prediction {going_on.id} (cancelled)?")
        await pilot.press("escape")
        assert going_on.path.exists()
        await pilot.press("delete")
        await until_shown(pilot, "delete this prediction?")
        await pilot.press("y")
        await until(pilot, lambda: len(app.screen.predictions) == 1, "one less")
        assert not going_on.path.exists()
        [deleted] = trashed_predictions(runs)
        assert read_run(deleted)[1] is Status.CANCELLED
        await until_shown(pilot, "In the trash now; u puts it back")
        await pilot.press("u")
        await until(pilot, lambda: len(app.screen.predictions) == 2, "the prediction in the list again")
        assert going_on.path.exists()
        await until_shown(pilot, "is put back")
        await pilot.press("g", "delete")
        await until_shown(pilot, "delete this prediction?")
        await pilot.press("y")
        await until(pilot, lambda: not going_on.path.exists(), "the prediction in the trash")
        app.clear_notifications()
        await pilot.press("escape", "H")
        await until_shown(pilot, "1 of 1")
        await pilot.press("t")
        await until_shown(pilot, "deleted runs and predictions", f"{going_on.id}  prediction of longer")
        await pilot.press("enter")
        await until(pilot, lambda: going_on.path.exists(), "the prediction at its place")
        await until_shown(pilot, "none")


async def test_a_read_only_console_lists_them_and_changes_none(done: PredictionFolder, runs: Path) -> None:
    app = ArenaApp(runs, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "finished")
        await pilot.press("O")
        await until_shown(pilot, "0.9391")
        await pilot.press("d", "y", "s")
        assert isinstance(app.screen, PredictionsScreen)
        assert "Delete" not in shown(app)
        assert done.path.exists()


async def test_what_a_stranger_wrote_is_shown_and_not_obeyed(run: RunFolder, runs: Path) -> None:
    hostile = record_prediction(run, end="predicted")
    with Record(hostile.events) as record:
        told = next(event for event in _events(hostile) if isinstance(event, events.Predicting))
        record.write(replace(told, runs=["[red]x\x1b[2J", ""]))
    empty = PredictionFolder(run.predictions / "20260131-150000-[b]m[-b]\x1b[2J")
    empty.path.mkdir()
    (empty.path / "request.json").write_text("no JSON")
    with Record(empty.events) as record:
        record.write(replace(told, runs=[]))
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "finished")
        await pilot.press("O")
        await until_shown(pilot, "[red]x␛[2J + 1", "[b]m[-b]␛[2J")
        assert "\x1b" not in shown(app)


async def test_without_any_the_list_says_so(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "none yet")
        await pilot.press("O")
        await until_shown(pilot, "none yet: a finished run predicts rows")
        for key in ("s", "delete"):
            await pilot.press(key)
            await until_shown(pilot, "there is no prediction to choose")
            app.screen.query_one(Footer).said = ""
        await pilot.press("d", "enter")
        assert isinstance(app.screen, PredictionsScreen)


@pytest.mark.usefixtures("done")
async def test_keys_that_come_with_the_one_that_opens_it_wait_for_the_list(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def from_a_slow_disk(read: Callable[[], list[Prediction]]) -> list[Prediction]:
        await asyncio.sleep(0.3)
        return await in_thread(read)

    monkeypatch.setattr("arena_tui.predict.list_screen.in_thread", from_a_slow_disk)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "finished")
        burst(pilot, "O\r")
        await until_shown(pilot, "25,000 rows predicted, written to")


async def test_keys_that_come_with_the_one_for_a_question_are_for_the_question(
    done: PredictionFolder, runs: Path
) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "finished")
        await pilot.press("O")
        await until_shown(pilot, "0.9391", "del Delete")
        assert "s Stop" not in shown(app), "it is over"
        burst(pilot, "\x7fO")
        await until_shown(pilot, "delete this prediction?", "is no answer")
        assert [type(screen).__name__ for screen in app.screen_stack][1:] == ["PredictionsScreen", "AskScreen"]
    assert done.path.exists()


def test_names_keep_their_ends_where_they_are_told_apart(done: PredictionFolder) -> None:
    long = PredictionFolder(done.path.with_name("20260131-150000-rows-of-the-second-night-part-7"))
    done.path.rename(long.path)
    [prediction] = PredictionList(long.run.path.parent).read()
    shown = line(prediction, 60)
    assert shown.cell_length == 60
    assert re.search(r" row\S*…\S*t-7 ", shown.plain), shown.plain


def test_one_that_is_over_is_not_read_again_unless_it_goes_on(done: PredictionFolder, runs: Path) -> None:
    known = PredictionList(runs)
    [first] = known.read()
    [again] = known.read()
    assert again is first
    with Record(done.events) as record:
        record.write(events.Resumed(step=0, checkpoint="scores"))
    [resumed] = known.read()
    assert resumed.view.state.last is None


def test_commands_list_delete_and_put_back(
    run: RunFolder, done: PredictionFolder, runs: Path, capsys: Captured
) -> None:
    assert main(["predictions"]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["state", "file", "runs"]
    assert line.split()[:6] == ["✓", "finished", "test", "longer", "25,000", "0.9391"]
    assert line.endswith(done.id)
    assert main(["predictions", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert (told["id"], told["runs"], told["status"]) == (done.id, [run.id], "finished")
    assert (told["rows"], told["log_loss"], told["submission"]) == (25_000, 0.9391, str(done.submission))

    assert main(["delete", done.id]) == 2  # there is no terminal to ask in
    assert "Delete the prediction" in capsys.readouterr().err
    assert main(["delete", done.id, "--yes"]) == 0
    assert not list_all_predictions(runs)
    moved = Path(capsys.readouterr().out.strip())
    assert main(["delete", str(moved), "--yes"]) == 2  # it lies in the trash already
    assert main(["trash"]) == 0
    assert f"{done.id}  prediction of {run.id}" in capsys.readouterr().out
    assert main(["trash", "--put-back", "140000"]) == 0
    assert Path(capsys.readouterr().out.strip()) == done.path
    assert main(["delete", done.id, "--yes"]) == 0
    assert main(["trash", "--empty", "--yes"]) == 0
    assert not trashed_predictions(runs)
    assert run.path.exists()
    assert main(["trash", "--put-back", "140000"]) == 2


def test_without_any_the_command_says_how_one_is_made(capsys: Captured) -> None:
    assert main(["predictions"]) == 0
    assert "arena-tui predict RUN TEST" in capsys.readouterr().out
    assert main(["predictions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def _events(folder: PredictionFolder) -> list[events.AnyEvent]:
    from core.runs.record import Tail

    return Tail(folder.events).read()
