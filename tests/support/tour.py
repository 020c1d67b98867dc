"""A walk through every screen, for what must hold on each of them."""

import csv
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from evaluated import logits_for, write_evaluation
from msgspec.structs import replace
from recorded import SECONDS_A_STEP, record_prediction, record_run
from screen import until, until_shown
from small_tokenizer import write_tokenizer
from textual.pilot import Pilot

from arena_tui.compare.screen import CompareScreen
from arena_tui.dataset.row_pane import RowPane
from arena_tui.dataset.screen import DataScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.home.title import MachineLine
from arena_tui.predict.list_screen import PredictionsScreen
from arena_tui.predict.screen import PredictionScreen
from arena_tui.report.screen import ReportScreen
from arena_tui.rows.reader import RowScreen
from core.data.example import MODELS, PARTS
from core.profile.data_settings import Data
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs.folder import RunFolder

WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")
REACHED = 3_510
FIRST_ID = 2**60
"""Of the rows: as long as those of the Kaggle file's test rows and longer, 19 digits."""
Visit = Callable[[str], None]


def prepare(workplace: Path, runs: Path) -> None:
    """Rows in two scripts and their profile, a run that goes on (this process plays it), and ended ones."""
    with (workplace / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", *MODELS, *PARTS, *WINNERS))
        for n in range(60):
            parts = [["wörd ❤ 漢字 " + "a " * (n * length)] for length in (1, 6, 9)]
            writer.writerow(
                (FIRST_ID + n, "left", "right", *map(json.dumps, parts), *((1, 0, 0), (0, 1, 0), (0, 0, 1))[n % 3])
            )
    tokenizer = write_tokenizer(workplace / "tokenizer")
    (workplace / "profiles" / "small.toml").write_text(
        f'[data]\ntrain = "rows.csv"\n[model]\ncheckpoint = "{tokenizer}"\n[tokens]\nmax_length = 256  # shört\n'
    )
    old = record_run(runs, "20260130-090000-an-old-one-with-a-long-name", end="finished")
    old.resolved.write_text(to_toml(Profile(data=Data(train=str(workplace / "rows.csv")))))
    evaluate(old, seed=0)
    write_tokenizer(old.adapter)
    record_prediction(old, end=None, began=float(int(time.time())) - 20 - 30_000 / 41.3, pid=os.getpid())
    record_sweep(runs, workplace / "rows.csv")
    record_run(runs, "20260131-090000-failed", end="failed", until=1_500, words="✗ “out of” memory: " + "漢字 " * 40)
    record_going_on(runs)


def evaluate(run: RunFolder, *, seed: int) -> None:
    """What a run that ended has said of every row."""
    numbers = range(60)
    labels = [n % 3 for n in numbers]
    swapped = logits_for(labels, seed=seed + 1)
    write_evaluation(
        run.evaluation, [FIRST_ID + n for n in numbers], labels, logits_for(labels, seed=seed), swapped=swapped
    )


def record_sweep(runs: Path, rows: Path) -> None:
    """Three short runs that differ in one setting, the oldest of all; their names differ at the end alone."""
    for n, rate in enumerate((0.001, 0.0002, 0.00005)):
        name = f"20260129-09000{n}-chatbots-of-the-arena-learning_rate-{rate:g}"
        run = record_run(runs, name, end="finished", steps=200)
        settings = Profile(data=Data(train=str(rows)), train=replace(Profile().train, learning_rate=rate))
        run.resolved.write_text(to_toml(settings))
        evaluate(run, seed=5 + n)


def record_going_on(runs: Path) -> RunFolder:
    """A run that goes on: this process plays it."""
    began = float(int(time.time())) - 20 - REACHED * SECONDS_A_STEP
    return record_run(runs, "20260131-120000-longer", end=None, until=REACHED, began=began, pid=os.getpid())


async def tour(pilot: Pilot[None], visit: Visit, *, is_readable: bool = True) -> None:
    """Open every screen and `visit` it by name. `is_readable` says that the terminal has room for its words."""

    async def at(name: str, *signs: str) -> None:
        if is_readable:
            await until_shown(pilot, *signs)
        await pilot.pause()
        visit(name)

    app = pilot.app
    home = next(screen for screen in app.screen_stack if isinstance(screen, HomeScreen))
    await until(pilot, lambda: any(line.machine for line in home.query(MachineLine)), "the first look at the machine")
    menu = home.query_one("#profiles")
    menu.highlighted = [Path(option.id).stem for option in menu.options].index("small")
    await at("home", "small")
    await pilot.press("question_mark")
    await at("help", "keys")
    await pilot.press("escape", "ctrl+p")
    await at("palette", "Search")
    await pilot.press("escape", "r")
    await at("confirm", "start small?", "esc")
    await pilot.press("escape", "e")
    await at("editor", "small")
    await pilot.press("escape", "d")
    await until(pilot, lambda: isinstance(app.screen, DataScreen), "the data screen")
    data = app.screen
    await until(pilot, lambda: data.inspection.seen and not data.inspection.seen.is_sample, "all rows")
    await until(pilot, lambda: data.query_one(RowPane).table.chosen is not None, "the list of rows")
    for _ in range(5):
        await at("data")
        await pilot.press("tab")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, RowScreen) and app.screen._row, "the row")
    await at("row")
    await pilot.press("m")
    await at("sequence")
    await pilot.press("escape", "escape")
    await until(pilot, lambda: app.screen is home, "home")
    home.query_one("#runs").focus()
    for index, name in enumerate(("longer", "failed", "an-old")):
        home.query_one("#runs").highlighted = index
        await at(f"home, {name}", name[:3])
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not home, "the monitor")
        await at(f"monitor, {name}")
        for _ in range(7 if app.screen.size.width < 110 else 0):
            await pilot.press("tab")
            await at(f"monitor, {name}, another pane")
        await pilot.press("p")
        await at("reader", "the profile of this run")
        await pilot.press("escape")
        if name == "longer":
            await pilot.press("s")
            await at("stop", "stop and save")
            await pilot.press("escape")
        if name == "an-old":
            await visit_report(pilot, at)
            await visit_prediction(pilot, at)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is home, "home")
    await pilot.press("O")
    await until(pilot, lambda: isinstance(app.screen, PredictionsScreen) and app.screen.predictions, "the predictions")
    await at("predictions", "running")
    await pilot.press("escape", "H")
    await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table of runs")
    await at("history", "6 of 6")
    table = app.screen
    await pilot.press("j")
    for key, name, sign in (
        ("number_sign", "note", "enter"),
        ("delete", "delete", "delete this run?"),
        ("t", "trash", "deleted runs"),
    ):
        await pilot.press(key)
        await until(pilot, lambda: app.screen is not table, name)
        await at(name, sign)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is table, "the table of runs")
    await pilot.press("home", "space", "space", "space", "c")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.runs, "the comparison")
    for name in ("curves", "figures", "settings"):
        await at(f"compare, {name}")
        await pilot.press("tab")
    await pilot.press("escape", "escape")
    await until(pilot, lambda: app.screen is home, "home")
    await pilot.press("q")
    await until(pilot, lambda: app.screen is not home, "the question")
    await at("quit", "2 runs are active")
    await pilot.press("escape")


async def visit_prediction(pilot: Pilot[None], at: Callable[..., Awaitable[None]]) -> None:
    """From the finished run's monitor to the prediction that is at work with it, to how it is stopped, and back."""
    app = pilot.app
    monitor = app.screen
    await pilot.press("P")
    await until(pilot, lambda: isinstance(app.screen, PredictionScreen) and app.screen.view, "the prediction")
    await at("prediction", "30,000 / 50,000 rows")
    await pilot.press("s")
    await at("stop of a prediction", "stop this prediction?")
    await pilot.press("escape", "escape")
    await until(pilot, lambda: app.screen is monitor, "the monitor again")


async def visit_report(pilot: Pilot[None], at: Callable[..., Awaitable[None]]) -> None:
    """From the finished run's monitor through the panes of its report to a row, and back."""
    app = pilot.app
    await pilot.press("v")
    await until(pilot, lambda: isinstance(app.screen, ReportScreen) and app.screen.seen, "the report")
    report = app.screen
    for _ in range(7):
        await at("report")
        await pilot.press("tab")
    await pilot.press("f", "enter")
    await until(pilot, lambda: isinstance(app.screen, RowScreen) and app.screen._row, "the row")
    await at("row of a report")
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is report, "the report again")
    await pilot.press("c")
    await until(pilot, lambda: app.screen is not report, "the other runs")
    await at("choose a run")
    await pilot.press("enter")
    await until(pilot, lambda: app.screen is report and report.seen.report.against, "the report against another")
    for name in ("rows", "summary"):
        await at(f"report against another, {name} in front")
        await pilot.press(*["tab"] * 2)
    await pilot.press("escape")
