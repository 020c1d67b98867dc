"""Asks children of the engine, which answer by core.protocol; starts one ahead; and reads in threads."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import msgspec

from core.inspect.protocol import INSPECT, WAIT
from core.profile.settings import Model
from core.protocol import as_line, read_answer

if TYPE_CHECKING:
    from arena_tui.screen.profiles import ProfileView  # which asks for Textual, and commands ask children too

Answer = TypeVar("Answer", bound=msgspec.Struct)

LONGEST_LINE = 1 << 20
SECONDS_TO_END = 2.0
SECONDS_AHEAD = 60.0
"""A child that got ready ahead, and was not asked by then, ends: it may hold 200 MB."""


async def ask(program: Sequence[str], *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> Process:
    """A child that begins to work at once. Raises OSError where `program` cannot be started."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *program,
            *arguments,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # asyncio would look whether the child has ended, and so take the exit code from its own loop.
        await end_child(await starting)
        raise


def without_a_word(what: str, exit_code: int | None) -> str:
    """What is to be told of a child that has ended and has not said why."""
    if exit_code is not None and exit_code < 0:
        return f"{what} was ended by {signal.Signals(-exit_code).name}, perhaps because memory ran out"
    return f"{what} exited with code {exit_code} and no result"


async def answers(child: Process, kind: type[Answer]) -> AsyncGenerator[Answer, None]:
    """The child's answers as they come, each of type `kind`. Ends with the child; other lines are passed over.

    Close it (`aclosing`) to end the child.
    """
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            if (answer := read_answer(line, kind)) is not None:
                yield answer
        await child.wait()
    finally:
        await end_child(child)


async def end_child(child: Process) -> None:
    """End the child and wait until it has ended, however often this is cancelled meanwhile: leaving a screen, leaving
    the console and closing the event loop are three times. SIGKILL follows SIGTERM in SECONDS_TO_END, or at once then.
    """
    loop, cancelled = asyncio.get_running_loop(), None
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.returncode is None and not _has_ended(child.pid):
            # Not by its own method, which looks first whether it has ended, and may take its exit code from the loop;
            # the loop would say so on stderr.
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)
        until = loop.time() + SECONDS_TO_END
        while child.returncode is None and (left := until - loop.time()) > 0:
            try:
                await asyncio.wait_for(child.wait(), left)
            except TimeoutError:
                break
            except asyncio.CancelledError as error:
                cancelled = error
                if number is signal.SIGTERM:
                    break
    if cancelled:
        raise cancelled


def _has_ended(pid: int) -> bool:
    """Whether the child has ended, which the event loop may not have heard yet: its number may be another's by then."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def last_answer(
    program: Sequence[str],
    *arguments: str,
    kind: type[Answer],
    hear: Callable[[Answer], object] = lambda _: None,
    stdin: int = asyncio.subprocess.DEVNULL,
) -> tuple[Answer | None, int]:
    """For a command, which has nothing to do meanwhile: a child's last answer, None if it has given none, and its exit
    code. `hear` is given each answer as it comes. Raises OSError where `program` cannot be started."""

    async def to_the_end() -> tuple[Answer | None, int]:
        last, child = None, await ask(program, *arguments, stdin=stdin)
        async for last in answers(child, kind):
            hear(last)
        return last, await child.wait()

    return asyncio.run(to_the_end())


Result = TypeVar("Result")


async def in_thread(read: Callable[[], Result]) -> Result:
    """What `read` returns or raises. As asyncio.to_thread, but where a file system does not answer, the thread that
    waits for it takes no place from the others, and the console can still be left. So only for what may be broken off.
    """
    outcome: Future[Result] = Future()
    outcome.set_running_or_notify_cancel()  # a thread cannot be cancelled

    def work() -> None:
        try:
            outcome.set_result(read())
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is the caller's)
            outcome.set_exception(error)

    Thread(target=work, daemon=True).start()
    return await asyncio.wrap_future(outcome)


class Ahead:
    """At most one child that has got ready for a checkpoint and waits, asleep; a Gemma tokenizer takes 200 MB there.

    Unused it ends after a minute, and with the console, however that ends: its stdin does.
    """

    def __init__(self) -> None:
        self._child: Process | None = None
        self._model: Model | None = None
        self._end_in_time: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()  # the child before has ended before there is another

    async def get_ready(self, profile: "ProfileView") -> None:
        """Let a child get ready for this profile's checkpoint, unless there is one that has and lives."""
        async with self._lock:
            is_there = self._child is not None and self._child.returncode is None
            if profile.settings is None or (is_there and self._model == profile.settings.model):
                return
            await self._end()
            self._model = profile.settings.model
            with suppress(OSError):  # then it is started when it is asked
                self._child = await ask(INSPECT, WAIT, str(profile.path), stdin=asyncio.subprocess.PIPE)
                self._end_in_time = asyncio.create_task(self._end_unused(self._child))

    async def _end_unused(self, child: Process) -> None:
        await asyncio.sleep(SECONDS_AHEAD)
        async with self._lock:
            if self._child is child:
                await self._end()

    async def begin(self, profile: "ProfileView") -> Process:
        """A child that inspects this profile's rows. Raises OSError where it cannot be started."""
        child, self._child = self._child, None
        if child and child.stdin and child.returncode is None:
            child.stdin.write(as_line([str(profile.path)]))  # a line fits into the pipe: nothing is to be waited for
            return child
        return await ask(INSPECT, str(profile.path))

    async def end(self) -> None:
        """Let the waiting child go."""
        async with self._lock:
            await self._end()

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            await end_child(child)
