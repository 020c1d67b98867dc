"""Reads the tokenizer of the profile that is looked at, so that its rows are soon there once they are asked for."""

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress

from arena_tui.children.child import ask
from arena_tui.screen.profiles import ProfileView
from core.inspect.protocol import INSPECT, WAIT
from core.profile.settings import Model
from core.protocol import as_line


class Ahead:
    """At most one child that has got ready for a checkpoint and waits, asleep; a Gemma tokenizer takes 200 MB there.

    It ends with the console, however that ends: its stdin does.
    """

    def __init__(self) -> None:
        self._child: Process | None = None
        self._model: Model | None = None

    async def get_ready(self, profile: ProfileView) -> None:
        """Let a child get ready for this profile's checkpoint, unless there is one that has."""
        if profile.settings is None or (self._child and self._model == profile.settings.model):
            return
        await self.end()
        self._model = profile.settings.model
        with suppress(OSError):  # then it is started when it is asked
            self._child = await ask(INSPECT, WAIT, str(profile.path), stdin=asyncio.subprocess.PIPE)

    async def begin(self, profile: ProfileView) -> Process:
        """A child that inspects this profile's rows. Raises OSError where it cannot be started."""
        child, self._child = self._child, None
        if child and child.stdin:
            child.stdin.write(as_line([str(profile.path)]))
            with suppress(ConnectionError):
                await child.stdin.drain()
                return child
        return await ask(INSPECT, str(profile.path))

    async def end(self) -> None:
        """Let the waiting child go."""
        child, self._child = self._child, None
        if child and child.returncode is None:
            child.kill()
            await child.wait()
