"""Runs of two outcomes on the screens: beside ln 2 and an even chance, and never beside runs of three or the recipe."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_prediction, record_run, write_answers
from screen import shown, until, until_shown

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.commands.predict import means
from arena_tui.compare.screen import CompareScreen
from arena_tui.compare.view import cautions
from arena_tui.history.screen import HistoryScreen
from arena_tui.monitor.text import PrintedSoFar, follow
from core.outcomes import A_B, OutcomesSetting
from core.predict.answers import read_answers
from core.profile.load import values, written
from core.profile.settings import Profile
from core.runs.folder import RunFolder

SIZES = [(80, 24), (120, 40)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))


def of_two(run: RunFolder) -> RunFolder:
    """The same run, recorded as one of two outcomes."""
    text = run.events.read_text()
    assert text.count('"outcomes":"a-b-tie"') == 1
    run.events.write_text(text.replace('"outcomes":"a-b-tie"', '"outcomes":"a-b"'))
    return run


@pytest.mark.parametrize("size", SIZES)
async def test_a_result_stands_beside_ln_2_and_half_of_the_rows(runs: Path, size: tuple[int, int]) -> None:
    run = of_two(record_run(runs, "20260131-120000-two", end="finished", steps=400))
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "ln 2   0.6931  +0.2471", "prior  1.0971", "chance 50.0 %")
        assert "recipe" not in shown(app)
        assert "ln 3" not in shown(app)


async def test_a_run_that_goes_on_tells_its_loss_beside_ln_2(runs: Path) -> None:
    run = of_two(record_run(runs, "20260131-120000-two", end=None, steps=400, until=200))
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "⠒ ln 2")


async def test_beside_a_run_on_other_rows_there_is_no_recipe(runs: Path) -> None:
    three = record_run(runs, "20260131-120000-other", end="finished", steps=400)
    three.events.write_text(three.events.read_text().replace('"rows_train":45981', '"rows_train":800'))
    app = ArenaApp(runs, watch=three)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "ln 3   1.0986", "prior  1.0971", "chance 33.3 %")
        assert "recipe" not in shown(app)


def test_line_by_line_an_evaluation_stands_beside_ln_2(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    run = of_two(record_run(runs, "20260131-120000-two", end="finished", steps=400))
    follow(run, sys.stdout, PrintedSoFar(run))
    assert "log loss 0.9402 (ln 2 0.6931, prior 1.0971)" in capsys.readouterr().out


async def test_runs_of_unlike_outcomes_are_not_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("three", "more"):
        record_run(runs, f"20260131-130000-{name}", end="finished", steps=400)
    of_two(record_run(runs, "20260131-140000-two", end="finished", steps=400))
    told = (
        "20260131-140000-two has two outcomes and 20260131-130000-three has three: their log losses cannot be compared"
    )
    assert main(["compare", "two", "three", "--runs-dir", str(runs)]) == 2
    assert told in capsys.readouterr().err
    app = ArenaApp(runs)
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: pilot.app.screen.runs, "the runs on the home screen")  # type: ignore[attr-defined]
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: "cannot be compared" in " ".join(str(n.message) for n in app._notifications), "why")
        assert isinstance(app.screen, HistoryScreen)
        await pilot.press("k", "k", "space", "j", "j", "space", "c")  # the two of three outcomes
        await until(pilot, lambda: isinstance(app.screen, CompareScreen), "the comparison")


@pytest.mark.parametrize(("outcomes", "is_told"), [("a-b", True), ("a-b-tie", False)])
def test_other_ties_are_other_rows_where_there_are_two_outcomes(outcomes: OutcomesSetting, is_told: bool) -> None:
    model = replace(Profile().model, outcomes=outcomes)
    both = [replace(Profile(), model=model, data=replace(Profile().data, ties=ties)) for ties in ("drop", "half")]
    found = cautions([{key: written(value) for key, value in values(one).items()} for one in both])
    assert any("evaluated on different rows (data.ties)" in caution for caution in found) == is_told


@pytest.mark.parametrize("size", SIZES)
async def test_a_prediction_of_two_outcomes_has_two_columns(runs: Path, size: tuple[int, int]) -> None:
    prediction = record_prediction(record_run(runs, "20260131-120000-done", end="finished", steps=400), end="predicted")
    of_two(prediction)
    write_answers(prediction, [7, 8], [(0.75, 0.25), (0.35, 0.65)], A_B)
    app = ArenaApp(runs, watch=prediction)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "ln 2 0.6931", "chance 50.0 %", "55.0 %", "45.0 %")
        [heading] = [line for line in shown(app).splitlines() if "A wins " in line and "id" not in line]
        assert heading.split()[1:6] == ["A", "wins", "B", "wins", "│"][: len(heading.split()[1:6])]
        assert "tie " not in shown(app)
    assert means(read_answers(prediction)) == "A wins 55.0 %, B wins 45.0 %"
