"""What is typed or pasted is judged in both orders, by a child that is there as long as the screen."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from engine_fixtures import checkpoint, finished, train_csv  # noqa: F401  (fixtures)
from recorded import record_run
from screen import HERE, children, shown, until, until_shown
from scripted_judge import ONCE
from textual.events import Paste
from textual.pilot import Pilot

from arena_tui.app.app import ArenaApp
from arena_tui.predict.try_screen import TryScreen
from arena_tui.report.screen import ReportScreen
from arena_tui.runs.messages import TryRun
from core.predict.request import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from core.runs.folder import RunFolder

CHILD = [sys.executable, "-P", str(HERE / "scripted_judge.py")]


@pytest.fixture
def run(runs: Path) -> RunFolder:
    folder = record_run(runs, "20260131-120000-done", end="finished", steps=20)
    folder.adapter.mkdir()
    (folder.adapter / ADAPTER_CONFIG).write_text("{}")
    (folder.adapter / ADAPTER_WEIGHTS).touch()
    return folder


async def write(pilot: Pilot[None], prompt: str, a: str, b: str) -> None:
    """In place of what stands there, as one pastes it."""
    await pilot.press("f4")
    for text in (prompt, a, b):
        pilot.app.post_message(Paste(text))
        await pilot.press("tab")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_both_orders_their_mean_lengths_and_the_cut_are_shown(run: RunFolder, size: tuple[int, int]) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=size) as pilot:
        await app.push_screen(TryScreen(run, {}, CHILD))
        await until_shown(pilot, "ready: [red]x[/red] [/] ␛[2J")
        await pilot.press("f2")
        await until_shown(pilot, "no answers to judge yet")
        await write(pilot, "three", "a", "b")
        await pilot.press("f2")
        await until_shown(pilot, " judged")
        lines = [line.split() for line in shown(app).splitlines()]
        for wanted in (
            "A wins B wins tie tokens",
            "A first 70.0 % 10.0 % 20.0 % 1,024 of 2,048",
            "B first 30.0 % 50.0 % 20.0 % 64",
            "both orders 50.0 % 30.0 % 20.0 % the order decides",
            "lengths alone 0.40 % 90.0 % 9.6 %",
            "cut with A first: 1,024 tokens of B",
        ):
            assert wanted.split() in lines, shown(app)
        await pilot.press("x")
        await until_shown(pilot, "changed since it was judged")
        await write(pilot, "two", "a", "b")
        await pilot.press("f2")
        await until_shown(pilot, " judged")
        assert "tie" not in shown(app)
        assert "lengths" not in shown(app)
        assert len(children()) == 1
        await pilot.press("escape")
        await until(pilot, lambda: not children(), "the end of the child")


async def test_what_is_pasted_arrives_as_it_is_and_nothing_of_it_is_obeyed(run: RunFolder) -> None:
    odd = "a\x1b[2J\u202e[b]\nc\td 😀"
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(TryScreen(run, {}, CHILD))
        await write(pilot, odd, "", "q?")
        await pilot.press("f2")  # the model may not be there yet
        await until_shown(pilot, "heard ", "not judged")
        said = str(app.screen.query_one("#verdict").render()).partition("heard ")[2]
        assert json.loads(said) == {"prompt": [odd], "response_a": [""], "response_b": ["q?"]}
        assert "a␛[2J" in shown(app)


async def test_a_child_that_ends_says_why_and_the_same_key_tries_again(run: RunFolder) -> None:
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TryScreen(run, {}, CHILD))
        await write(pilot, "die", "a", "b")
        await pilot.press("f2")
        await until_shown(pilot, "✗ no more memory [red]x[/red] [/] ␛[2J", "f2 tries again", "no model")
        await write(pilot, "three", "a", "b")
        await pilot.press("f2")
        await until_shown(pilot, "both orders")
        await pilot.press("escape")
        (run.adapter / ADAPTER_CONFIG).unlink()
        await app.push_screen(TryScreen(run, {}, CHILD))
        await until_shown(pilot, "has no adapter: it has not finished")


async def test_what_changes_while_it_is_judged_is_noticed_and_so_is_its_return(run: RunFolder, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(TryScreen(run, {}, CHILD))
        await write(pilot, f"{ONCE}{gate}", "a", "b")
        await pilot.press("f2", "x")
        await asyncio.to_thread(gate.write_bytes, b"")
        await until_shown(pilot, "both orders", "changed since it was judged")
        await pilot.press("backspace")
        await until_shown(pilot, " judged")
        assert "changed since" not in shown(app)


async def test_an_old_error_is_gone_while_the_model_loads_again(run: RunFolder, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TryScreen(run, {}, ["sh", "-c", 'exec cat "$0"', str(gate)]))
        await write(pilot, "three", "a", "b")
        await asyncio.to_thread(gate.write_bytes, b"")
        await until_shown(pilot, "f2 tries again")
        await pilot.press("f2")
        await until_shown(pilot, "loading, then judging")
        assert "✗" not in shown(app)


async def test_texts_are_there_again_for_the_same_run_and_f1_explains_the_figures(run: RunFolder) -> None:
    other = record_run(run.path.parent, "20260131-130000-other", end="finished", steps=20)
    app = ArenaApp(run.path.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        for folder, expected in ((run, ""), (other, ""), (run, "a\x1b[2J")):
            app.post_message(TryRun(folder))
            await until(pilot, lambda: isinstance(app.screen, TryScreen), "the screen")
            await until(pilot, lambda text=expected: app.screen.query_one("#prompt").whole_text == text, expected)
            if folder is run:
                await write(pilot, "a\x1b[2J", "b", "c")
            await pilot.press("f1")
            await until_shown(pilot, "What the run's model gives to each outcome")
            await pilot.press("escape", "escape")
            await until(pilot, lambda: not isinstance(app.screen, TryScreen), "what was there before")


@pytest.mark.slow
async def test_a_finished_run_judges_what_is_typed_and_only_where_something_may_be_done(finished: RunFolder) -> None:  # noqa: F811
    app = ArenaApp(finished.path.parent, watch=finished)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✓ finished", "T Try")
        await app.push_screen(ReportScreen(finished, [sys.executable, "-c", "a report that fails"]))
        await until_shown(pilot, "T Try")
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TryScreen), "the screen")
        await pilot.press(*"Hi", "question_mark", "tab", *"kind", "tab", *"rude")
        await pilot.press("f2")
        await until_shown(pilot, "both orders", "lengths alone", "nothing is cut", " judged")
    app = ArenaApp(finished.path.parent, watch=finished, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✓ finished")
        assert "T Try" not in shown(app)
        await pilot.press("T")
        await until_shown(pilot, "read-only")
