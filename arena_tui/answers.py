"""Asks a child process of the engine, whose answers are JSON objects, one a line; and ends it when nobody waits."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

import msgspec

Answer = TypeVar("Answer", bound=msgspec.Struct)

LONGEST_LINE = 1 << 20
SECONDS_TO_END = 2.0


async def ask(program: Sequence[str], *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> Process:
    """A child that begins to work at once. Raises OSError where `program` cannot be started."""
    return await asyncio.create_subprocess_exec(
        *program,
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
    )


async def answers(child: Process, kind: type[Answer]) -> AsyncGenerator[Answer, None]:
    """The child's answers as they come, each of type `kind`. Ends with the child; other lines are passed over.

    Close it (`aclosing`) to end the child.
    """
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            try:
                answer = msgspec.json.decode(line, type=kind)
            except msgspec.DecodeError:
                continue
            yield answer
        await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()  # it may have something to clear away
            try:
                await asyncio.wait_for(child.wait(), SECONDS_TO_END)
            except TimeoutError:
                child.kill()
                await child.wait()
