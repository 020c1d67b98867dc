"""Children that the console asks: none is left behind, however asking ends."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from arena_tui.children import child as children
from arena_tui.children.child import Ahead, answers, ask, end_child
from arena_tui.screen import profiles
from core.inspect.protocol import Progress

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); time.sleep(600)"


async def read(child: Process, told: asyncio.Event) -> None:
    async with aclosing(answers(child, Progress)) as answered:
        async for _ in answered:
            told.set()


@pytest.mark.parametrize("cancellations", [1, 2, 3, 10])
async def test_a_child_that_is_deaf_to_sigterm_has_ended_when_the_cancelled_reader_has(cancellations: int) -> None:
    """By who leaves a screen, then the console, and then the event loop, as it closes."""
    child, told = await ask([sys.executable, "-c", DEAF]), asyncio.Event()
    reader = asyncio.create_task(read(child, told))
    await told.wait()
    for _ in range(cancellations):
        reader.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert child.returncode == -signal.SIGKILL


async def test_the_exit_code_of_a_child_that_ends_by_itself_is_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A signal between the child's end and the loop's hearing of it takes it from the loop, once in a hundred times."""
    for _ in range(300):
        child = await ask(["/bin/sleep", "600"])
        os.kill(child.pid, signal.SIGINT)
        await end_child(child)
        assert child.returncode in (-signal.SIGINT, -signal.SIGTERM)
    assert caplog.messages == []


async def test_a_child_that_has_died_is_not_taken_for_one_that_is_ready(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[data]\ntrain = "mine.csv"\n')
    ahead, profile = Ahead(), profiles.read(mine)
    await ahead.get_ready(profile)
    (first,) = psutil.Process().children()
    first.kill()
    async with asyncio.timeout(20):
        while first.is_running():
            await asyncio.sleep(0.02)
    await ahead.get_ready(profile)
    (second,) = psutil.Process().children()
    assert second != first
    await ahead.end()
    assert psutil.Process().children() == []


async def test_of_children_that_are_to_get_ready_at_once_the_last_one_stays(tmp_path: Path) -> None:
    ahead, found = Ahead(), []
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.toml").write_text(f'[data]\ntrain = "x.csv"\n[model]\ncheckpoint = "./{name}"\n')
        found.append(profiles.read(tmp_path / f"{name}.toml"))
    await asyncio.gather(*(ahead.get_ready(profile) for profile in found))
    (child,) = psutil.Process().children()
    async with asyncio.timeout(20):
        while not (told := child.cmdline()):  # for a moment a process that begins has none
            await asyncio.sleep(0.02)
    assert told[-1] == str(found[-1].path)
    await ahead.end()
    assert psutil.Process().children() == []


async def test_a_child_that_got_ready_ahead_ends_unused_and_is_had_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "SECONDS_AHEAD", 0.2)
    mine = tmp_path / "mine.toml"
    mine.write_text('[data]\ntrain = "mine.csv"\n')
    ahead, profile = Ahead(), profiles.read(mine)
    for _ in range(2):
        await ahead.get_ready(profile)
        (child,) = psutil.Process().children()
        async with asyncio.timeout(20):
            while child.is_running():
                await asyncio.sleep(0.02)
    asked = await ahead.begin(profile)
    assert await asked.wait() == 2, "one is started once it is asked: there are no such rows"
