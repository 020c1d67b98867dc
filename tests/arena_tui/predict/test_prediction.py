"""Rows answered from the console: asked for on a finished run, followed, stopped, and found again."""

import os
import re
import sys
import time
from pathlib import Path

import psutil
import pytest
from recorded import record_prediction, record_run, write_answers
from screen import HERE, shown, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.predict.screen import PredictionScreen
from core.predict.folder import list_predictions
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])


def player(scenario: str) -> list[str]:
    return [sys.executable, "-P", str(HERE / "scripted_prediction.py"), scenario]


@pytest.fixture
def run(runs: Path) -> RunFolder:
    """A finished run, and rows beside it."""
    folder = record_run(runs, "20260131-120000-done", end="finished", steps=200)
    folder.adapter.mkdir()
    (folder.adapter / "adapter_config.json").write_text("{}")
    (folder.adapter / "adapter_model.safetensors").touch()
    (runs.parent / "rows.csv").write_text("id\n")
    return folder


def console(run: RunFolder, scenario: str, *, readonly: bool = False) -> ArenaApp:
    return ArenaApp(run.path.parent, watch=run, predict_program=player(scenario), readonly=readonly)


async def predict(pilot, path: str) -> None:  # type: ignore[no-untyped-def]
    await until_shown(pilot, "✓ finished", "P predict")
    await pilot.press("P")
    await until_shown(pilot, "predict which rows?", "test.csv")
    await pilot.press("ctrl+u", *("full_stop" if letter == "." else letter for letter in path), "enter")


@pytest.mark.slow
@SIZES
async def test_a_finished_run_answers_the_rows_that_one_names(run: RunFolder, size: tuple[int, int]) -> None:
    app = console(run, "ok")
    async with app.run_test(size=size) as pilot:
        await predict(pilot, "rows.csv")
        await until_shown(pilot, "✓ finished", "25,000 / 25,000 rows", "25,000 rows predicted, written to")
        await until_shown(pilot, "mean ", "25.0 %", "60.0 %")
        [folder] = list_predictions(run)
        assert f"runs/{run.id}/predictions/{folder.id}/submission.csv"[:60] in shown(app)
        assert folder.read_request().test == str(run.path.parent.parent / "rows.csv")
        assert folder.read_request().members[0].run == str(run.path)
        assert "s Stop" not in shown(app)
        await pilot.press("escape")
        await until_shown(pilot, "P predict")


@pytest.mark.slow
async def test_it_outlives_its_screen_is_found_again_and_stopped_with_a_key(run: RunFolder) -> None:
    app = console(run, "hang")
    async with app.run_test(size=(120, 40)) as pilot:
        await predict(pilot, "rows.csv")
        await until_shown(pilot, "● running: scoring", "10,000 / 25,000 rows", "6.4 % of the GPU")
        [folder] = list_predictions(run)
        await pilot.press("escape")
        await until_shown(pilot, "P predict")
        assert is_run_alive(folder)
        await pilot.press("q")
        await until_shown(pilot, folder.id)  # leaving asks what becomes of it
        await pilot.press("escape")
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, PredictionScreen), "the prediction, without a question")
        await until_shown(pilot, "10,000 / 25,000 rows")
        await pilot.press("s")
        await until_shown(pilot, "stop this prediction?")
        await pilot.press("s")
        await until_shown(pilot, "■ cancelled", "scored rows are kept: the same arena-tui predict")
        await until(pilot, lambda: is_run_alive(folder) is False, "its end")


@SIZES
async def test_a_finished_prediction_shows_what_it_has_answered(run: RunFolder, size: tuple[int, int]) -> None:
    prediction = record_prediction(run, end="predicted")
    app = ArenaApp(run.path.parent, watch=prediction)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "log loss  0.9391")
        await until(pilot, lambda: re.search(r"mean +50\.0 % +20\.0 % +30\.0 %", shown(app)), "the means")
        await until(pilot, lambda: re.search(r"20-30 % .* 4,167 .* 12,499 .* 6,250 ", shown(app)), "a tenth")
        if size == (80, 24):
            assert "first 100" not in shown(app)
            await pilot.press(*["j"] * 18)
        await until_shown(pilot, "first 100 of 25,000 rows", "136060   20.0 %   30.0 %   50.0 %")
        await until_shown(pilot, "peak memory")


async def test_ids_that_are_texts_are_shown_and_not_obeyed(run: RunFolder) -> None:
    prediction = record_prediction(run, end="predicted")
    ids = ["[red]x[/red]\x1b[2J", "a question of more than twenty cells", "7"]
    write_answers(prediction, ids, [(0.2, 0.3, 0.5)] * 3)
    app = ArenaApp(run.path.parent, watch=prediction)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(
            pilot, "[red]x[/red]␛[2J   20.0 %", "a questio…enty cells   20.0 %", "                   7   20.0 %"
        )


async def test_a_record_whose_runs_have_blank_names_is_shown(run: RunFolder) -> None:
    prediction = record_prediction(run, end="predicted")
    text = prediction.events.read_text()
    assert f'"runs":["{run.id}"]' in text
    prediction.events.write_text(text.replace(f'"runs":["{run.id}"]', '"runs":[" "]'))
    app = ArenaApp(run.path.parent, watch=prediction)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "log loss  0.9391", "runs ", "device")


async def test_rare_and_certain_outcomes_are_not_rounded_to_none_and_all(run: RunFolder) -> None:
    prediction = record_prediction(run, end="predicted")
    write_answers(prediction, [7, 8], [(0.0002, 0.0002, 0.9996), (0, 0, 1)])
    app = ArenaApp(run.path.parent, watch=prediction)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "7   0.02 %   0.02 %   99.9 %", "8      0 %      0 %    100 %")


async def test_a_file_of_answers_that_is_none_is_told_and_not_obeyed(run: RunFolder) -> None:
    prediction = record_prediction(run, end="predicted")
    prediction.table.write_bytes(b"PAR1 [red]x[/red]\x1b[2J")
    app = ArenaApp(run.path.parent, watch=prediction)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "The predictions cannot be shown:", "damaged", "log loss  0.9391")
        assert "x[/red]" not in shown(app)


async def test_a_prediction_that_is_watched_has_its_screen_and_nothing_there_changes_it(run: RunFolder) -> None:
    prediction = record_prediction(run, end=None, began=time.time() - 20 - 30_000 / 41.3, pid=os.getpid())
    app = ArenaApp(run.path.parent, watch=prediction, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "● running: scoring", "30,000 / 50,000 rows", "! memory ran out")
        assert isinstance(app.screen, PredictionScreen)
        await pilot.press("s")
        await pilot.pause()
        assert "stop" not in shown(app).lower()


@pytest.mark.slow
async def test_why_it_failed_is_shown_and_not_obeyed(run: RunFolder) -> None:
    app = console(run, "fail")
    async with app.run_test(size=(120, 40)) as pilot:
        await predict(pilot, "rows.csv")
        await until_shown(pilot, "✗ failed while scoring", "[red]x[/red] [/] ␛[2J", "Do this.")


@pytest.mark.slow
async def test_rows_that_are_not_there_and_a_run_without_adapter_are_told(run: RunFolder) -> None:
    app = console(run, "ok")
    async with app.run_test(size=(120, 40)) as pilot:
        await predict(pilot, "absent.csv")
        await until_shown(pilot, "predict which rows?", "absent.csv: no such file")
        await pilot.press("escape")
        (run.adapter / "adapter_config.json").unlink()
        await until_shown(pilot, "P predict")
        await pilot.press("P")
        await until_shown(pilot, "has no adapter: it has not finished")
    assert not list_predictions(run)


async def test_a_read_only_console_predicts_nothing(run: RunFolder) -> None:
    before = set(psutil.Process().children())
    app = console(run, "ok", readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✓ finished")
        await pilot.press("P")
        await pilot.pause()
        assert "predict which rows?" not in shown(app)
    assert not list_predictions(run)
    assert set(psutil.Process().children()) <= before
