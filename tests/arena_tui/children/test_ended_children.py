"""Children that the console asks: none is left behind, however asking ends."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import aclosing

import pytest

from arena_tui.children.child import answers, ask, end_child
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
