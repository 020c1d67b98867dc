"""Runs side by side, and their curves for other programs."""

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_run
from screen import shown, until, until_shown
from scripted_child import HOSTILE, step_event
from textual.pilot import Pilot

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.compare.plot import RunsPlot
from arena_tui.compare.screen import CompareScreen
from arena_tui.compare.tables import settings_table
from arena_tui.compare.view import Difference, measures
from arena_tui.history.screen import HistoryScreen
from arena_tui.runs.follow import Follower
from core.profile.data_settings import Data
from core.profile.load import to_toml
from core.profile.settings import Lora, Profile, Split
from core.runs import events
from core.runs.curves import CurvePoint, as_csv, curve_points
from core.runs.folder import RunFolder
from core.runs.notes import write_notes
from core.runs.record import Record
from core.runs.state import RunState, fold

SIZES = [(80, 24), (120, 40)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))


def run_with(runs: Path, name: str, profile: Profile, log_loss: float | None, *, seconds: int = 100) -> RunFolder:
    """A finished run with these settings and this result."""
    run = record_run(runs, f"20260131-120000-{name}", end=None, steps=100, until=20)
    run.resolved.write_text(to_toml(profile))
    with Record(run.events) as record:
        at = 1_769_860_800.0 + seconds
        record.write(events.Evaluated(time=at, step=100, epoch=1, log_loss=log_loss, accuracy=0.5, rows=9, seconds=1))
        record.write(events.Finished(time=at, log_loss=log_loss, accuracy=0.5))
    return run


def compare(runs: Path, *more: str) -> int:
    return main(["compare", "--runs-dir", str(runs), *more])


class TestCompare:
    def test_the_best_is_marked_and_only_the_settings_that_differ_are_listed(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run_with(tmp_path, "a", Profile(), 0.95, seconds=100)
        run_with(tmp_path, "b", replace(Profile(), lora=Lora(r=64)), 0.91, seconds=200)
        assert compare(tmp_path, "000-a", "000-b", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        best = {name: [run[-1] for run in ids] for name, ids in found["best"].items()}
        assert best == {"log_loss": ["b"], "elapsed_seconds": ["a"]}
        assert {key: list(values.values()) for key, values in found["settings"].items()} == {"lora.r": [16, 64]}
        assert found["cautions"] == []
        assert compare(tmp_path, "000-a", "000-b") == 0
        text = capsys.readouterr().out
        assert "0.9100*" in text
        assert "0.9500*" not in text
        assert "ln 3 is 1.0986" in text
        assert "lora.r  16  64" in text

    def test_runs_evaluated_on_other_rows_are_not_called_comparable(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run_with(tmp_path, "a", Profile(), 0.95)
        run_with(tmp_path, "b", replace(Profile(), split=Split(fold=1)), 0.91)
        assert compare(tmp_path, "000-a", "000-b") == 0
        assert "! evaluated on different rows (split.fold)" in capsys.readouterr().out

    def test_rows_of_a_source_of_their_own_are_the_same_whatever_is_trained_on(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        own = Data(train=["a.csv", "b.csv"], eval="own.csv")
        run_with(tmp_path, "a", Profile(data=own), 0.95)
        run_with(tmp_path, "b", Profile(data=replace(own, train="c.csv", limit=9), split=Split(fold=1)), 0.91)
        assert compare(tmp_path, "000-a", "000-b") == 0
        assert "evaluated on different rows" not in capsys.readouterr().out
        run_with(tmp_path, "c", Profile(data=replace(own, eval="other.csv")), 0.91)
        assert compare(tmp_path, "000-a", "000-c") == 0
        assert "! evaluated on different rows (data.eval)" in capsys.readouterr().out

    def test_settings_that_cannot_be_read_are_not_called_the_same(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run_with(tmp_path, "a", Profile(), 0.95)
        run_with(tmp_path, "b", Profile(), 0.91).resolved.write_text("[future]\nsetting = 1\n")
        assert compare(tmp_path, "000-a", "000-b") == 0
        assert "! the settings of 2 cannot be read" in capsys.readouterr().out

    def test_what_is_missing_or_not_finite_is_never_the_best(self, tmp_path: Path) -> None:
        runs = [
            run_with(tmp_path, "a", Profile(), None),
            run_with(tmp_path, "b", Profile(), 0.99, seconds=300),
            record_run(tmp_path, "20260131-120000-c", end="cancelled", steps=100, until=10),
        ]
        found = {measure.name: measure for measure in measures([Follower(run).read() for run in runs])}
        assert found["log loss"].best == frozenset()  # there is nothing it was better than
        assert found["log loss"].values == (None, 0.99, None)
        assert found["duration"].best == frozenset({0})  # the cancelled one was shorter

    def test_figures_that_read_the_same_are_equally_good(self, tmp_path: Path) -> None:
        runs = [run_with(tmp_path, name, Profile(), loss) for name, loss in (("a", 0.91001), ("b", 0.91), ("c", 0.92))]
        [log_loss, *_] = measures([Follower(run).read() for run in runs])
        assert log_loss.best == frozenset({0, 1})
        [log_loss, *_] = measures([Follower(run).read() for run in runs[:2]])
        assert log_loss.best == frozenset()

    @pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "nothing"], list("abcdefg")])
    def test_one_run_the_same_twice_unknown_ones_and_seven_are_refused(self, tmp_path: Path, names: list[str]) -> None:
        for name in "abcdefg":
            record_run(tmp_path, f"run{name}", end="finished", steps=10)
        assert compare(tmp_path, *(f"run{name}" for name in names)) == 2

    def test_hostile_words_are_printed_harmlessly(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        for name in "ab":
            write_notes(run_with(tmp_path, name, Profile(), 0.9), name="\x1b[2J[red]")
        run = run_with(tmp_path, "c", replace(Profile(), data=replace(Profile().data, train=HOSTILE[:200])), 0.9)
        assert compare(tmp_path, "000-a", "000-b", run.id) == 0
        assert not set(capsys.readouterr().out) & {"\x1b", "\u202e", "\x07"}


class TestCurves:
    def test_every_logged_point_and_evaluation_is_a_row_in_full_precision(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run = record_run(tmp_path, "20260131-120000-a", end="finished", steps=400)
        assert main(["curves", run.id, "--runs-dir", str(tmp_path)]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        state = Follower(run).read().state
        steps = [row for row in rows if row["kind"] == "step"]
        assert [float(row["loss"]) for row in steps] == [step.loss for step in state.steps]
        assert [int(row["tokens"]) for row in steps] == [step.tokens for step in state.steps]
        [evaluation] = [row for row in rows if row["kind"] == "evaluation"]
        assert (evaluation["log_loss"], evaluation["loss"]) == ("0.9402", "")
        assert int(evaluation["tokens"]) == state.steps[-1].tokens
        assert float(steps[0]["elapsed"]) == 22.5

    def test_json_and_csv_to_a_file_hold_the_same(self, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
        run = record_run(tmp_path, "20260131-120000-a", end="cancelled", steps=400, until=100)
        where = ["--runs-dir", str(tmp_path)]
        assert main(["curves", run.id, "--json", *where]) == 0
        points = json.loads(capsys.readouterr().out)
        assert main(["curves", run.id, "--csv", "-o", str(tmp_path / "out.csv"), *where]) == 0
        assert capsys.readouterr().out == ""
        rows = list(csv.DictReader((tmp_path / "out.csv").open()))
        assert [{key: "" if value is None else str(value) for key, value in point.items()} for point in points] == rows
        assert main(["curves", run.id, "-o", os.devnull + "/x", *where]) == 1

    def test_what_was_not_finite_is_missing_and_what_was_trained_again_is_there_once(self) -> None:
        first = [step_event(step, at=step, loss=None if step == 20 else 0.0) for step in (10, 20, 30, 40)]
        again = [step_event(step, at=100 + step) for step in (30, 40)]
        resumed = events.Resumed(time=90, step=20, checkpoint="checkpoints/checkpoint-20")
        points = curve_points("a", fold(RunState(), [*first, resumed, *again]))
        assert [(point.step, point.time) for point in points] == [(10, 10), (20, 20), (30, 130), (40, 140)]
        assert points[1].loss is None
        assert as_csv(points).splitlines()[2].split(",")[7] == ""


def six(runs: Path) -> None:
    for i, name in enumerate("abcdef"):
        profile = replace(Profile(), lora=Lora(r=2 ** (i + 1)), train=replace(Profile().train, seed=i % 2))
        run = record_run(runs, f"20260131-12000{i}-{name}", end="cancelled" if i == 3 else "finished", steps=2000)
        run.resolved.write_text(to_toml(profile))


async def compare_in_console(pilot: Pilot[None], count: int) -> CompareScreen:
    await until(pilot, lambda: pilot.app.screen.runs, "the runs on the home screen")
    await pilot.press("H")
    await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen), "the table")
    await pilot.press(*["space"] * count, "c")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and pilot.app.screen.runs, "the comparison")
    return pilot.app.screen  # type: ignore[return-value]


class TestScreen:
    @pytest.mark.slow
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("count", [2, 6])
    async def test_curves_figures_and_settings_of_all_runs_are_shown(
        self, runs: Path, size: tuple[int, int], count: int
    ) -> None:
        six(runs)
        app = ArenaApp(runs)
        async with app.run_test(size=size) as pilot:
            await compare_in_console(pilot, count)
            await until_shown(pilot, "loss by step", "1 ━ f 0.9402", f"{count} ━ {'fedcba'[count - 1]} 0.9402")
            numbers = str(app.screen.query_one(RunsPlot).grid.characters)
            assert all(f"'{number}'" in numbers for number in range(1, count + 1))
            await pilot.press("tab")
            await until_shown(pilot, "log loss", "0.9402", "33.0 GiB", "ln 3 1.0986", "recipe 0.9371")
            lines = shown(app).splitlines()
            [figures] = [line for line in lines if "log loss" in line]
            assert figures.count("0.9402") == count
            await pilot.press("tab")
            await until_shown(pilot, "lora.r", "64", "train.seed")

    @pytest.mark.slow
    async def test_axes_and_smoothing_are_switched_and_the_pane_is_zoomed(self, runs: Path) -> None:
        six(runs)
        app = ArenaApp(runs)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await compare_in_console(pilot, 3)
            for axis in ("epoch", "tokens", "time", "step"):
                await pilot.press("x")
                await until_shown(pilot, f"loss by {axis}")
            await pilot.press("plus")
            await until_shown(pilot, "smoothed 0.95")
            await pilot.press(*["minus"] * 9)
            await until_shown(pilot, "not smoothed")
            await pilot.press("tab", "z")
            await until(pilot, lambda: not screen.query_one("#curves").is_on_screen, "the figures alone")
            await pilot.press("z", "escape")
            await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
            assert len(app.screen.query_one("#table").selected) == 3

    @pytest.mark.slow
    async def test_a_run_that_goes_on_is_followed(self, runs: Path) -> None:
        record_run(runs, "20260131-120000-old", end="finished", steps=400)
        going_on = record_run(runs, "20260131-130000-new", end=None, steps=400, until=200, pid=os.getpid())
        app = ArenaApp(runs)
        async with app.run_test(size=(120, 40)) as pilot:
            await compare_in_console(pilot, 2)
            await until_shown(pilot, "loss by step", "1 ━ new")
            with Record(going_on.events) as record:
                record.write(events.Evaluated(step=200, epoch=0.5, log_loss=0.8765, accuracy=0.6, rows=9, seconds=1))
            await until_shown(pilot, "0.8765*")

    @pytest.mark.slow
    async def test_a_run_deleted_under_the_comparison_is_no_trouble(self, runs: Path) -> None:
        six(runs)
        app = ArenaApp(runs)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await compare_in_console(pilot, 2)
            shutil.rmtree(screen.runs[0].folder.path)
            await until_shown(pilot, "1 ━ f 0.9402")
            await pilot.press("x", "tab", "tab", "w")

    @pytest.mark.slow
    async def test_one_run_alone_and_more_than_six_are_refused(self, runs: Path) -> None:
        six(runs)
        record_run(runs, "20260131-130000-g", end="finished", steps=100)
        app = ArenaApp(runs)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until(pilot, lambda: app.screen.runs, "the runs on the home screen")
            await pilot.press("H", "space", "c")
            await until_shown(pilot, "Select two runs or more")
            await pilot.press(*["space"] * 6)
            await until_shown(pilot, "At most 6 runs", "6 selected")

    @pytest.mark.slow
    async def test_the_curves_are_written_where_the_console_was_started(self, runs: Path, workplace: Path) -> None:
        six(runs)
        app = ArenaApp(runs)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await compare_in_console(pilot, 2)
            await pilot.press("w")
            await until_shown(pilot, "written: 20260131-120005-f-and-1-more.csv")
        rows = list(csv.DictReader((workplace / "20260131-120005-f-and-1-more.csv").open()))
        assert {row["run"] for row in rows} == {"20260131-120005-f", "20260131-120004-e"}
        assert len(rows) == 2 * (200 + 1)

    @pytest.mark.slow
    async def test_the_monitor_writes_the_curves_of_its_run(self, runs: Path) -> None:
        run = record_run(runs, "20260131-120000-a", end="finished", steps=100)
        app = ArenaApp(runs, watch=run)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until_shown(pilot, "✓ finished")
            await pilot.press("w")
            await until_shown(pilot, "written: 20260131-120000-a.csv")
            Path("20260131-120000-a.csv").unlink()
            Path("20260131-120000-a.csv").mkdir()
            await pilot.press("w")
            await until_shown(pilot, "not written")

    @pytest.mark.parametrize("width", [40, 80, 200])
    def test_hostile_settings_stay_text_and_equal_values_share_a_line(self, width: int) -> None:
        found = [Difference("data.train", (f'"{HOSTILE}"', '"b"', '"b"')), Difference("lora.r", ("1", "2", None))]
        table = settings_table(found, [], width)
        assert not set(table.plain) & {"\x1b", "\u202e", "\x07"}
        assert "[red]x[/red]" in table.plain
        assert table.plain.count('"b"') == 1  # too wide for columns


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_csv_is_a_formula_and_numbers_stay_numbers(begins: str) -> None:
    point = CurvePoint(
        run=f"{begins}cmd|' /C calc'!A0", kind="step", step=1, epoch=0.1, tokens=1, time=1.0, elapsed=1.0, loss=-0.5
    )
    [cells] = list(csv.reader(io.StringIO(as_csv([point]), newline="")))[1:]
    assert cells[0] == f"'{point.run}".replace("\r", "\n")
    assert cells[7] == "-0.5"
