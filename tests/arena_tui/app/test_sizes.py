"""The screens at the sizes that terminals have: names stay apart, figures whole, and there are as many panes as fit."""

import re
from pathlib import Path

import pytest
from data_profile import PROFILE, write_rows
from msgspec.structs import replace
from recorded import record_run
from screen import choose, planner, shown, until, until_shown
from small_tokenizer import write_tokenizer
from textual.screen import Screen

from arena_tui.app.app import ArenaApp
from arena_tui.dataset.cuts import cut_table
from arena_tui.dataset.screen import DataScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.report.panes import ReportPanes
from arena_tui.runs.panes import Pane
from arena_tui.screen import profiles
from core.inspect.cuts import CutFigures
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs.folder import RunFolder

RATES = ("0.001", "0.0002", "5e-05")


def record_sweep(runs: Path) -> list[RunFolder]:
    """Runs whose long names differ at the end alone."""
    folders = []
    for n, rate in enumerate(RATES):
        name = f"20260129-09000{n}-chatbots-of-the-arena-learning_rate-{rate}"
        folders.append(record_run(runs, name, end="finished", steps=20))
        train = replace(Profile().train, learning_rate=float(rate))
        folders[-1].resolved.write_text(to_toml(replace(Profile(), train=train)))
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60)])
async def test_names_that_differ_at_their_end_are_told_apart_in_every_list(runs: Path, size: tuple[int, int]) -> None:
    record_sweep(runs)
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: names_of_finished(app) == len(RATES), "names that differ")
        if size[0] == 200:
            await until_shown(pilot, "chatbots-of-the-arena-learning_rate-0.0002 ")
        await pilot.press("tab")
        await until(pilot, lambda: re.search(r"╭─ 2026\S+rate-5e-05 ─", shown(app)), "the title of the panel")
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
        await until(pilot, lambda: names_of_finished(app) == len(RATES), "names that differ")
        await until(pilot, lambda: re.search(r" runs/\S+rate-5e-05 ", shown(app)), "where the chosen one lies")


def names_of_finished(app: ArenaApp) -> int:
    """How many different names stand behind the state of finished runs."""
    return len(set(re.findall(r"✓ finished +(\S+) ", shown(app))))


@pytest.mark.slow
async def test_settings_that_were_swept_are_columns_to_sort_by(runs: Path) -> None:
    record_sweep(runs)
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: names_of_finished(app) == len(RATES), "the runs")
        await pilot.press("H")
        await until_shown(pilot, "log loss   learning_rate ", " 0.0002 ")
        assert "lora" not in shown(app), "in which they do not differ"
        table = app.screen.query_one("#table")
        for _ in range(3):  # started, profile, note, and then these
            await pilot.press("right")
        await until_shown(pilot, "learning_rate ▲")
        assert [row.settings["train.learning_rate"] for row in table.rows] == sorted(map(float, RATES))
        await pilot.press("o")
        await until_shown(pilot, "learning_rate ▼")
        await pilot.press("S")
        await until_shown(pilot, "sort by", "learning_rate ")
        await pilot.press("enter")
        await until_shown(pilot, "learning_rate ▲")
        await pilot.press("S", "home", "enter")
        await until_shown(pilot, "state ▲")


@pytest.mark.parametrize("width", [53, 58, 80])
def test_tables_of_cuts_of_a_kaggle_file_fit_and_no_two_figures_touch(width: int) -> None:
    most = CutFigures(
        rows=57_477, rows_over=57_477, tokens_lost=9, tokens_shown=0, prompt_cut=0, prompt_lost=0,
        response_a_cut=57_477, response_a_lost=0, response_b_cut=57_477, response_b_lost=57_477,
    )  # fmt: skip
    lines = cut_table({"longest-first": most, "right": most, "thirds": None}, "right", width).plain.splitlines()
    assert max(map(len, lines)) <= max(width, 57), "of a screen of 118 columns, half"
    assert lines[1].split() == ["longest-first", "57,477", "100", "%", "57,477", "0", "57,477", "100", "%"]


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 70, 80, 112, 116, 120])
async def test_the_data_screen_shows_all_figures_of_a_row_with_an_id_of_19_digits(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    write_rows(workplace / "rows.csv", first_id=2**60)
    path = workplace / "profiles" / "small.toml"
    path.write_text(PROFILE.format(folder=write_tokenizer(workplace / "tokenizer")))
    app = ArenaApp(workplace / "runs")
    async with app.run_test(size=(width, 40)) as pilot:
        await app.push_screen(DataScreen(profiles.read(path), workplace / "runs", plan_program=planner("nothing")))
        await until_shown(pilot, "rows: all", "P lost", "A lost", "B lost")
        marked = next(line for line in shown(app).splitlines() if line.startswith("│> 1"))
        assert marked.split()[1].endswith(str(2**60)[-2:])
        assert "…" not in marked.split(maxsplit=2)[2]
        await pilot.press("tab")
        await until_shown(pilot, "A cut")
        heads = [line for line in shown(app).splitlines() if "A cut" in line]
        assert all(line.count("A cut") == line.count("B gone") for line in heads), "a heading that was wrapped"


@pytest.mark.slow
@pytest.mark.parametrize(("size", "seen"), [((60, 20), 1), ((80, 24), 1), ((100, 30), 3), ((120, 40), 7)])
async def test_the_monitor_shows_as_many_panes_as_fit(runs: Path, size: tuple[int, int], seen: int) -> None:
    app = ArenaApp(runs, watch=record_sweep(runs)[0])
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "✓ finished", "evaluation log loss")
        assert sum(pane.is_on_screen for pane in app.screen.query(Pane)) == seen
        for number in range(7):
            await pilot.press(str(number + 1))
            await until(pilot, lambda: app.screen.in_front.is_on_screen, "the chosen pane")
            assert sum(pane.is_on_screen for pane in app.screen.query(Pane)) == seen
        if seen < 7:
            await until_shown(pilot, "7 log ")
        await pilot.press("z")
        await until(pilot, lambda: sum(pane.is_on_screen for pane in app.screen.query(Pane)) == 1, "one pane alone")
        assert app.screen.in_front.is_on_screen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "seen"), [((60, 20), 1), ((80, 24), 1), ((100, 30), 3), ((120, 40), 4), ((200, 60), 5)]
)
async def test_the_report_shows_as_many_panes_as_fit(runs: Path, size: tuple[int, int], seen: int) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        screen = Screen[None]()
        await app.push_screen(screen)
        panes = ReportPanes()
        await screen.mount(panes)
        for _ in ReportPanes.PANES:
            await pilot.pause()
            assert sum(pane.is_on_screen for pane in panes.query_one("#panes").children) == seen
            assert panes.query_one(f"#{panes.current}").is_on_screen
            panes.turn(1)
        if seen == 1:
            assert " bias" in shown(app), "the last tab"


@pytest.mark.slow
async def test_a_line_of_the_log_that_goes_on_has_a_mark_at_that_end(runs: Path) -> None:
    run = record_sweep(runs)[0]
    run.console_log.write_text(f"12:00:00 step 10 {'of many ' * 20}loss 0.9402\n12:00:01 short\n")
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "step 10 of many of many", "short")
        lines = [line for line in shown(app).splitlines() if "many of many" in line]
        assert [line.rstrip(" │")[-1] for line in lines] == ["…"]
        for _ in range(9):
            await pilot.press("right")
        await until_shown(pilot, "loss 0.9402", "│ …")
        assert "0.9402…" not in shown(app)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_a_dialog_shows_its_keys_and_hangs_its_lines_at_any_size(runs: Path, size: tuple[int, int]) -> None:
    app = ArenaApp(runs, plan_program=planner("ok"))
    async with app.run_test(size=size) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "start mine?", "45,981", " enter  start ", " esc  back")
        await pilot.press("escape", "question_mark")
        await until_shown(pilot, "Down and up in this list", " esc  close")
        lines = shown(app).splitlines()
        at = next(n for n, line in enumerate(lines) if "The rows of the chosen" in line)
        column = lines[at].index("The rows of the chosen")
        if size[0] == 60:
            assert lines[at + 1][column:].startswith("as the model"), "the rest of a line begins where it does"
