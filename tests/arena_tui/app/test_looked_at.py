"""The profile that is looked at is got ready for: its rows come from a child that has waited, and that never stays."""

import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from data_profile import PROFILE, write_rows
from screen import choose, planner, until, until_shown
from small_tokenizer import write_tokenizer
from terminal import SECONDS, Terminal
from textual.pilot import Pilot

from arena_tui.app.app import ArenaApp
from arena_tui.children import child as children
from core.cache import CACHE_VARIABLE
from core.inspect.protocol import INSPECT, WAIT

pytestmark = pytest.mark.slow


@pytest.fixture
def profiles(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """small and twin have the same checkpoint, other another."""
    monkeypatch.setenv(CACHE_VARIABLE, str(workplace / "cache"))
    write_rows(workplace / "rows.csv")
    write_rows(workplace / "rows-of-twin.csv", count=30)
    text = PROFILE.format(folder=write_tokenizer(workplace / "tokenizer"))
    folder = workplace / "profiles"
    (folder / "small.toml").write_text(text)
    (folder / "twin.toml").write_text(text.replace("rows.csv", "rows-of-twin.csv"))
    (folder / "other.toml").write_text(PROFILE.format(folder=write_tokenizer(workplace / "other-tokenizer")))
    return folder


def with_words(process: psutil.Process, *words: str) -> list[psutil.Process]:
    """The children that have not ended and have these words on their command line."""
    found = []
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            if set(words) <= set(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


def waiting(process: psutil.Process) -> list[psutil.Process]:
    return with_words(process, WAIT)


async def got_ready(pilot: Pilot[None], name: str) -> psutil.Process:
    """The child that waits, once it is for this profile."""
    await choose(pilot, name)

    def is_for_it() -> bool:
        return any(child.cmdline()[-1].endswith(f"{name}.toml") for child in waiting(psutil.Process()))

    await until(pilot, is_for_it, f"a child for {name}")
    (child,) = waiting(psutil.Process())
    return child


async def test_the_rows_come_from_the_child_that_has_waited(profiles: Path) -> None:
    app = ArenaApp(profiles.parent / "runs", plan_program=planner("nothing"))
    async with app.run_test(size=(120, 40)) as pilot:
        child = await got_ready(pilot, "small")
        await choose(pilot, "twin")
        await pilot.press("d")
        await until_shown(pilot, "30 rows · median")
        assert with_words(psutil.Process(), *INSPECT[-2:]) in ([child], [])
        await until(pilot, lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "its end")
        await pilot.press("escape")
        await until(pilot, lambda: waiting(psutil.Process()), "the next child")
    assert not waiting(psutil.Process())


async def test_there_is_one_child_and_it_is_for_the_checkpoint_that_is_looked_at(profiles: Path) -> None:
    app = ArenaApp(profiles.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        first = await got_ready(pilot, "small")
        second = await got_ready(pilot, "other")
        assert first != second
        assert waiting(psutil.Process()) == [second]


DEAF = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, lambda *_: pathlib.Path("told-to-end").touch())
pathlib.Path("is-deaf").touch()
while True:
    time.sleep(60)
"""


async def test_keys_work_while_the_child_for_another_checkpoint_is_being_ended(
    profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "INSPECT", [sys.executable, "-c", DEAF])
    monkeypatch.setattr(children, "SECONDS_TO_END", SECONDS)
    app = ArenaApp(profiles.parent / "runs")
    async with app.run_test(size=(120, 40)) as pilot:
        deaf = await got_ready(pilot, "small")
        await until(pilot, Path("is-deaf").exists, "a child that obeys no signal")
        await choose(pilot, "other")
        await until(pilot, Path("told-to-end").exists, "its being told to end")
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen.is_modal, "all keys")
        assert deaf.is_running()
        assert len(waiting(psutil.Process())) == 1
        deaf.kill()
        await until(pilot, lambda: waiting(psutil.Process()) not in ([], [deaf]), "the child for the other checkpoint")
        for child in waiting(psutil.Process()):
            child.kill()


async def test_a_child_that_was_killed_while_it_waited_is_not_missed(profiles: Path) -> None:
    app = ArenaApp(profiles.parent / "runs", plan_program=planner("nothing"))
    async with app.run_test(size=(120, 40)) as pilot:
        (await got_ready(pilot, "small")).kill()
        await until(pilot, lambda: not waiting(psutil.Process()), "its end")
        await pilot.press("d")
        await until_shown(pilot, "40 rows · median")


def test_it_ends_with_a_console_that_is_killed(profiles: Path) -> None:
    for path in list(profiles.glob("[!s]*.toml")):
        path.unlink()
    with Terminal(profiles.parent, (120, 40), (sys.executable, "-P", "-m", "arena_tui")) as terminal:
        terminal.until_seen("small")
        terminal.type("j")  # the user's own, next to the demo
        console = psutil.Process(terminal.process.pid)
        terminal.until(lambda: waiting(console), "the child that waits")
        (child,) = waiting(console)
        terminal.process.kill()
        terminal.process.wait(SECONDS)
        child.wait(SECONDS)
