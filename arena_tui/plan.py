"""Asks the plan child what a profile would do, and ends it when nobody waits for the answer any more."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import msgspec

from core.runs.plan import Plan

LONGEST_LINE = 1 << 20


async def plans(program: Sequence[str], profile: Path) -> AsyncGenerator[Plan, None]:
    """The child's answers, each fuller than the last. Ends with the child; lines that are no plans are passed over.

    Close it (`aclosing`) to end the child. Raises OSError where `program` cannot be started.
    """
    child = await asyncio.create_subprocess_exec(
        *program,
        str(profile),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
    )
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            try:
                plan = msgspec.json.decode(line, type=Plan)
            except msgspec.DecodeError:
                continue
            yield plan
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
