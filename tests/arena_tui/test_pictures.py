"""The screens as pictures, of recorded runs with fixed figures. They are also the README's."""

import csv
import difflib
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from evaluated import evaluate, write_rows
from msgspec.structs import replace
from recorded import SECONDS_A_STEP, record_prediction, record_run
from screen import HERE, children, choose, planner, until, until_shown
from small_tokenizer import write_tokenizer
from textual.pilot import Pilot
from textual.widgets import Log

from arena_tui.app.app import ArenaApp
from arena_tui.compare.screen import CompareScreen
from arena_tui.history.screen import HistoryScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.home.title import MachineLine
from arena_tui.predict.try_screen import TryScreen
from arena_tui.widgets.text_area import WrittenText
from core.data.example import MODELS, PARTS
from core.machine.gpus import Card, Machine
from core.predict.request import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from core.profile.data_settings import Data
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.profile.token_settings import Tokens
from core.runs.checkpoints import DiskUse
from core.runs.folder import list_runs
from core.runs.notes import write_notes

pytestmark = pytest.mark.slow

SIZES = [(80, 24), (120, 40)]
GIB = 2**30
CARD = Card("NVIDIA H200", int(139.2 * GIB), 141 * GIB, "bf16")
REACHED = 3_510
WINNERS = ("winner_model_a", "winner_model_b", "winner_tie")
Compare = Callable[..., bool]


@pytest.fixture
def snap_compare(snap_compare: Compare, request: pytest.FixtureRequest) -> Compare:
    """As the plugin's, but a picture that differs says in the test's own output where: its report may not be kept."""
    kept = Path(__file__).parent / "__snapshots__" / Path(__file__).stem / f"{request.node.name}.svg"

    def compare(app: ArenaApp, **how: object) -> bool:
        is_same = snap_compare(app, **how)
        if not is_same and kept.exists():
            print(*difflib.unified_diff(pieces(kept.read_text()), pieces(str(app.return_value)), n=0), sep="\n")
        return is_same

    return compare


def pieces(svg: str) -> list[str]:
    return re.sub(r"terminal-\d+", "terminal", svg).replace("<", "\n<").splitlines()


def old_runs(runs: Path) -> None:
    record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished")
    record_run(runs, "20260130-181500-gemma2-9b-int8", end="failed", until=200)
    record_run(runs, "20260130-090000-longer", end="cancelled", until=1_500)


async def settle(pilot: Pilot[None]) -> None:
    """Wait for the home screen's first look at the disk, keep it there, and put a known machine into its place."""
    home = next(screen for screen in pilot.app.screen_stack if isinstance(screen, HomeScreen))
    await until(pilot, lambda: any(line.machine for line in home.query(MachineLine)), "the first look at the machine")
    pilot.app.workers.cancel_node(home)
    home.query_one(MachineLine).show(Machine(CARD, CARD.name, CARD.memory_free, CARD.memory, 214 * GIB))
    await choose(pilot, "mine")
    await until_still(pilot)


async def until_still(pilot: Pilot[None]) -> None:
    """Wait until nothing moves any more: a log has been read and scrolled, and curves are drawn."""
    for log in pilot.app.screen.query(Log):
        await until(pilot, lambda log=log: log.virtual_size.width and log.is_vertical_scroll_end, "the log")
    pictures = []

    def is_still() -> bool:
        pictures.append(pilot.app.screen._compositor.render_strips())  # with their colours
        return len(pictures) > 20 and all(picture == pictures[-1] for picture in pictures[-20:])

    await until(pilot, is_still, "a screen on which nothing moves")


@pytest.mark.parametrize("size", SIZES)
def test_home(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    old_runs(runs)

    assert snap_compare(ArenaApp(runs), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES)
def test_home_empty(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(ArenaApp(runs), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES)
def test_history(
    runs: Path, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, workplace: Path
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    old_runs(runs)
    write_notes(list_runs(runs)[2], note="twice the epochs; no better after the first")
    write_notes(list_runs(runs)[0], name="the recipe")

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen), "the table")
        screen = pilot.app.screen
        await until(pilot, lambda: screen._disk, "the sizes")
        pilot.app.workers.cancel_node(screen)
        screen.show_sizes(
            {run.folder.id: DiskUse(31 * GIB // 10, 3 * GIB, GIB // 10) for run in screen.runs}, 214 * GIB
        )
        await pilot.press("space", "j", "space")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_compare(
    runs: Path, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, workplace: Path
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    old_runs(runs)
    cancelled = list_runs(runs)[2]
    settings = replace(Profile(), lora=replace(Profile().lora, r=64), train=replace(Profile().train, epochs=2.0))
    cancelled.resolved.write_text(to_toml(settings))

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen), "the table")
        await pilot.press("space", "space", "space", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen), "the comparison")
        await until_shown(pilot, "loss by step")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_confirm(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("r")
        await until(pilot, lambda: not pilot.app.screen.is_counting and pilot.app.screen.plan, "the whole plan")
        await until_still(pilot)

    app = ArenaApp(runs, plan_program=planner("ok"))
    assert snap_compare(app, terminal_size=size, run_before=show)


def conversations(workplace: Path) -> None:
    """A profile whose rows are as unequal in length as real ones, and whose limit is too short for some."""
    chance = random.Random(7)
    with (workplace / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", *MODELS, *PARTS, *WINNERS))
        for number in range(600):
            parts = [" ".join(["a"] * int(chance.lognormvariate(mean, 0.8))) for mean in (3.0, 4.6, 4.6)]
            winner = [[1, 0, 0], [0, 1, 0], [0, 0, 1]][chance.randrange(3)]
            writer.writerow((400_000 + 97 * number, "left", "other", *(json.dumps([part]) for part in parts), *winner))
    folder = write_tokenizer(workplace / "tokenizer")
    (workplace / "profiles" / "mine.toml").write_text(
        f'[data]\ntrain = "train.csv"\n[model]\ncheckpoint = "{folder}"\n[tokens]\nmax_length = 512\n'
    )


@pytest.mark.parametrize("size", SIZES)
def test_data(
    workplace: Path, runs: Path, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(workplace / "cache"))
    conversations(workplace)

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("d")
        await until_shown(pilot, "600 rows · median", "memory", "B gone")
        await until(pilot, lambda: not children(), "the end of the children")
        await until_still(pilot)

    app = ArenaApp(runs, plan_program=planner("ok"))
    assert snap_compare(app, terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_monitor_running(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    """This process plays the run's, so that it is alive; the last event is new, so that nothing is silent."""
    began = float(int(time.time())) - 20 - REACHED * SECONDS_A_STEP
    run = record_run(runs, "20260131-120000-longer", end=None, until=REACHED, began=began, pid=os.getpid())

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "3,510 / 5,748")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs, watch=run), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_monitor_of_ranks(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    began = float(int(time.time())) - 20 - REACHED * SECONDS_A_STEP
    run = record_run(
        runs, "20260131-120000-eight-cards", end=None, until=REACHED, began=began, pid=os.getpid(), ranks=8
    )

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "3,510 / 5,748")
        await pilot.press("8")
        await until_shown(pilot, "◀ slowest")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs, watch=run), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_monitor_finished(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    run = record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished")

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "✓ finished", "evaluation log loss")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs, watch=run), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_prediction_running(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    """This process plays the prediction's."""
    run = record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished", steps=200)
    began = float(int(time.time())) - 20 - 30_000 / 41.3
    prediction = record_prediction(run, end=None, began=began, pid=os.getpid())

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "30,000 / 50,000 rows")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs, watch=prediction), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_prediction_finished(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    run = record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished", steps=200)
    prediction = record_prediction(run, end="predicted")

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "✓ finished", "0.9391", "A wins")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs, watch=prediction), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_predictions(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    run = record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished", steps=200)
    record_prediction(run, end="predicted")
    other = record_run(runs, "20260131-120001-longer", end="cancelled", steps=200)
    record_prediction(other, end=None)

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("O")
        await until_shown(pilot, "0.9391")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", SIZES)
def test_try(runs: Path, snap_compare: Compare, size: tuple[int, int]) -> None:
    run = record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished", steps=200)
    run.adapter.mkdir()
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        (run.adapter / name).touch()

    async def show(pilot: Pilot[None]) -> None:
        screen = TryScreen(run, {}, [sys.executable, "-P", str(HERE / "scripted_judge.py")])
        await pilot.app.push_screen(screen)
        texts = ("Name a river.", "The Nile, or the Amazon: which is longer depends on where one begins.", "Water.")
        for area, text in zip(screen.query(WrittenText), texts, strict=True):
            area.cursor_blink = False
            area.load_text(text)
        await pilot.press("f2")
        await until_shown(pilot, "lengths alone", " judged")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs), terminal_size=size, run_before=show)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a run and the rows of its evaluation; what is found out of them is kept in a cache."""
    place = tmp_path_factory.mktemp("evaluated")
    run = record_run(place / "runs", "20260131-120000-gemma2-9b-qlora", end="finished", steps=200)
    settings = Profile(data=Data(train=str(place / "train.csv")), tokens=Tokens(max_length=160))
    run.resolved.write_text(to_toml(settings))
    write_rows(place / "train.csv", 1_000)
    write_tokenizer(run.adapter)
    evaluate(run.path, place / "train.csv", swap=True)
    return place


@pytest.mark.xdist_group("pictures of a report")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("f",), ("f", "enter")], ids=["figures", "rows", "row"])
def test_report(
    evaluated: Path,
    snap_compare: Compare,
    size: tuple[int, int],
    keys: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(evaluated)
    monkeypatch.setenv("ARENA_TUI_CACHE", str(evaluated / "cache"))
    [run] = list_runs(evaluated / "runs")

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "✓ finished")
        await pilot.press("v")
        await until_shown(pilot, "200 evaluation rows")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await until(pilot, lambda: not children(), "the end of the children")
        await until_still(pilot)

    assert snap_compare(ArenaApp(evaluated / "runs", watch=run), terminal_size=size, run_before=show)


def test_help_of_the_monitor(runs: Path, snap_compare: Compare) -> None:
    run = record_run(runs, "20260131-120000-gemma2-9b-qlora", end="finished")

    async def show(pilot: Pilot[None]) -> None:
        await until_shown(pilot, "✓ finished")
        await until_still(pilot)
        await pilot.press("question_mark")
        await until_shown(pilot, "Curves by step")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs, watch=run), terminal_size=(80, 24), run_before=show)


def test_help_of_home(runs: Path, snap_compare: Compare) -> None:
    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("question_mark")
        await until_shown(pilot, "ctrl+q")
        await until_still(pilot)

    assert snap_compare(ArenaApp(runs), terminal_size=(120, 40), run_before=show)
