"""The home screen: profiles with problems, strange names, no runs and many."""

import asyncio
import os
import re
from pathlib import Path

import pytest
from recorded import record_run
from screen import choose, shown, until, until_shown
from scripted_child import HOSTILE
from textual.widgets import Static, TextArea

from arena_tui.app.app import ArenaApp
from arena_tui.app.palette import commands
from arena_tui.format.sanitize import MOST_CHARACTERS
from arena_tui.home import screen
from arena_tui.home.panels import ProfilePanel, summary
from arena_tui.home.screen import HomeScreen
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.runs.folder import list_runs

pytestmark = pytest.mark.slow


async def test_a_profile_with_problems_lists_them_all_and_is_refused(runs: Path) -> None:
    Path("profiles/bad.toml").write_text('[train]\nlerning_rate = 1\nepochs = -2\n[data]\ntrain = ""\n')
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await choose(pilot, "bad")
        await until_shown(pilot, "✗ 3 problems", "learning_rate", "train.epochs", "data.train")
        await pilot.press("r")
        await until_shown(pilot, "cannot be run")
        assert isinstance(app.screen, HomeScreen)
    assert list_runs(runs) == []


async def test_a_profile_whose_rows_are_not_there_says_so_until_they_are(runs: Path) -> None:
    Path("profiles/far.toml").write_text('[data]\ntrain = "far.csv"\n[model]\ncheckpoint = "./base"\n')
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await choose(pilot, "far")
        await until_shown(pilot, "✗ data.train: there is no far.csv", "✗ model.checkpoint: there is no base")
        Path("far.csv").touch()
        Path("base").mkdir()
        await until(pilot, lambda: "there is no" not in shown(app), "that nothing is missing")


async def test_behind_another_screen_nobody_looks_for_the_files_of_a_profile(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("home.panels.SECONDS_BETWEEN_LOOKS", "history.screen.SECONDS_BETWEEN_READS"):
        monkeypatch.setattr(f"arena_tui.{place}", 0.01)
    Path("profiles/far.toml").write_text('[data]\ntrain = "far.csv"\n')
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await choose(pilot, "far")
        await until_shown(pilot, "✗ data.train: there is no far.csv")
        panel = app.screen.query_one(ProfilePanel)
        await pilot.press("H")
        await until_shown(pilot, "no runs to show")
        Path("far.csv").touch()
        for number in range(3):  # each is seen by the table, which looks as often
            record_run(runs, f"20260131-12000{number}-new", end="finished", steps=40)
            await until_shown(pilot, f"{number + 1} of {number + 1}")
        assert panel.absent == {"data.train": str(Path("far.csv").absolute())}
        await pilot.press("escape")
        await until(pilot, lambda: "there is no" not in shown(app), "that nothing is missing")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"# {'x ' * 250_000}\n", "LoRA"),
        (f"[data]\ntrain = '{'x' * 500_000}'\n", "must be a text of at most 4096 characters, not empty"),
        (f"[data]\n{'y' * 500_000} = 1\n", "unknown key"),
        ("".join(f"[a{n}]\n" for n in range(5_000)), "… and 4,950 more"),
    ],
    ids=["comment", "value", "key", "sections"],
)
async def test_of_an_endless_profile_the_beginning_is_shown(runs: Path, text: str, says: str) -> None:
    Path("profiles/endless.toml").write_text(text)
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await choose(pilot, "endless")
        told = app.screen.query_one("#profile .summary", Static)
        await until(pilot, lambda: says in " ".join(str(told.content).split()), says)
        assert len(str(told.content)) < 20_000
        assert len(app.screen.query_one("#profile TextArea", TextArea).text) < MOST_CHARACTERS


@pytest.mark.parametrize(
    "text",
    [
        '[data]\ntrain = "[red]x[/red][/]"\n',
        "not toml \x1b[2J [/]",
        "\udcff".encode(errors="surrogateescape").decode("latin-1"),
    ],
)
async def test_hostile_profiles_are_only_shown(runs: Path, text: str) -> None:
    Path("profiles/[red]x[\x1b[2J.toml").write_text(text, encoding="utf-8")
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await choose(pilot, "[red]x[\x1b[2J")
        await until(pilot, lambda: "[red]x[␛[2J" in str(app.screen.query_one("#chosen").border_title))
        assert "\x1b" not in shown(app)


async def test_hostile_words_in_a_record_are_only_shown(runs: Path) -> None:
    record_run(runs, "20260131-120000-bad", end="failed", words=HOSTILE)
    app = ArenaApp(runs)
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("tab")
        await until_shown(pilot, "✗ failed", "[red]x[/red] [/] ␛[2J␛]0;title␇ \\u202egnp.exe\\u202c␊second line")
        await pilot.press("enter")
        await until_shown(pilot, "✗ failed while training", "[red]x[/red] [/] ␛[2J")
        assert not set(shown(app)) & {"\x1b", "\u202e", "\x07"}


async def test_many_old_runs_are_listed_and_no_figure_is_cut_off(runs: Path) -> None:
    for i in range(150):
        record_run(runs, f"20260131-12{i // 60:02}{i % 60:02}-old{i}", end="finished", steps=10)
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "old149", "150")
        await pilot.press("tab", "end")
        await until_shown(pilot, "old0")
        lines = [line for line in shown(app).splitlines() if "✓ finished  old" in line]
        assert lines
        assert all(re.search(r"0.9402  0:0\d:\d\d", line) for line in lines), lines


async def test_a_new_run_appears_and_the_highlight_stays(runs: Path) -> None:
    record_run(runs, "20260131-120000-first", end="finished")
    record_run(runs, "20260131-130000-second", end="cancelled")
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "✓ finished", "■ cancelled")
        await pilot.press("tab", "j")
        record_run(runs, "20260131-140000-third", end="finished")
        await until_shown(pilot, "third")
        assert app.screen.query_one("#runs").highlighted_id == "20260131-120000-first"


async def test_a_deleted_run_is_no_trouble(runs: Path) -> None:
    run = record_run(runs, "20260131-120000-first", end=None, pid=os.getpid())
    app = ArenaApp(runs, watch=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "◑ stalled")
        for path in run.path.iterdir():
            path.unlink()
        run.path.rmdir()
        await until_shown(pilot, "? lost")


async def test_every_action_is_in_the_footer_the_help_and_the_palette(runs: Path) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "r Run", "? Help", "q Quit")
        assert {"Run", "Open", "Help", "Quit"} <= {command.name for command in commands(app.screen)}
        await pilot.press("question_mark")
        await until_shown(pilot, "Start the chosen profile")
        await pilot.press(*["j"] * 40)
        await until_shown(pilot, "Quit; asks first", "Open the command palette")


class SlowToGo(Static):
    async def on_unmount(self) -> None:
        await asyncio.sleep(0.6)


async def test_a_console_that_takes_time_to_leave_is_not_broken_by_what_it_still_reads(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "SECONDS_BETWEEN_READS", 0.02)
    app = ArenaApp(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "mine", "none yet")
        await app.screen.mount(SlowToGo())
        Path("profiles/new.toml").write_text("x = 1\n")


def test_that_rows_do_not_count_by_their_labels_alone_is_told() -> None:
    counted = parse_profile("", source="none", overrides=["data.soft_labels=true", "data.columns.weight=votes"])
    assert "labels      soft, weighed  in training" in summary(counted, 60, {}, []).plain
    apart = parse_profile("", source="mine", overrides=["model.head=bradley-terry"])
    assert "head        bradley-terry  each answer read apart" in summary(apart, 60, {}, []).plain
    assert "labels" not in summary(Profile(), 60, {}, []).plain
