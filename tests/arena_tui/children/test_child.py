"""Children that the console asks: none is left behind, however asking ends."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from arena_tui.children import child as children
from arena_tui.children.child import Ahead, answers, ask
from arena_tui.screen import profiles
from core.inspect.protocol import Progress

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); time.sleep(600)"


async def read(told: asyncio.Event, program: list[str]) -> None:
    async with aclosing(answers(await ask(program), Progress)) as answered:
        async for _ in answered:
            told.set()


@pytest.mark.parametrize("cancellations", [1, 2])
async def test_a_child_that_is_deaf_to_sigterm_is_gone_when_the_cancelled_reader_is(cancellations: int) -> None:
    """The second cancellation is the event loop's, as it closes."""
    told = asyncio.Event()
    reader = asyncio.create_task(read(told, [sys.executable, "-c", DEAF]))
    await told.wait()
    (child,) = psutil.Process().children()
    for _ in range(cancellations):
        reader.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert not child.is_running()


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
