"""Keys and pastes, handed on one at a time: each once all has come about that the one before it was pressed for.

A slow line, and a paste where a terminal does not mark it as one, bring many keys at once. What a key opens takes those
that follow it; a question is answered only by keys that were pressed after it could be seen, for nobody can have meant
an answer to what they did not know of. Only escape, which changes nothing, and what is typed into a line come earlier.
Where a key is refused, those that came with it are given up: they may have been meant for what it would have opened.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.widgets import Input, TextArea

from arena_tui.dialogs.ask import Dialog
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.keymap import called, hint

PATIENCE_SECONDS = 5.0
"""After which a key that has not come to its end is waited for no longer: a disk may hang. Those behind it are lost."""
ROUNDS = 3
"""Of messages: the key, what a widget posts because of it, and what its screen posts because of that."""
Typed = Key | Paste


class Keyboard:
    """`hand_on` gives something typed to whoever has the keys."""

    def __init__(self, app: App[Any], hand_on: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._hand_on = hand_on
        self._typed: deque[Typed] = deque()
        self._is_at_work = False

    def take(self, event: Typed) -> None:
        """One more; it waits for its turn."""
        self._typed.append(event)
        if not self._is_at_work:
            self._is_at_work = True
            self._app.run_worker(self._go_on())

    def refuse(self, why: str) -> None:
        """Say why what was typed last does nothing, and give up what waits behind it."""
        self._typed.clear()
        tell(self._app.screen, why)

    async def _go_on(self) -> None:
        try:
            while self._typed:
                await self._deal_with(self._typed.popleft())
        finally:
            self._is_at_work = False

    async def _deal_with(self, event: Typed) -> None:
        screen, focused = self._app.screen, self._app.focused
        is_writing = isinstance(focused, Input) or (isinstance(focused, TextArea) and not focused.read_only)
        if isinstance(event, Paste) and not is_writing:
            self.refuse("text can be pasted only into an input line, and none is open")
            return
        if isinstance(event, Key) and isinstance(screen, Dialog) and not (is_writing or screen.may_take(event)):
            self.refuse("a key pressed before this was shown is no answer")
            return
        before = set(self._app.workers)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._hand_on(event)
                await _settle(focused or screen)
                while self._app.screen is screen and self._is_opening(before):
                    await asyncio.sleep(0.005)
                if (opened := self._app.screen) is not screen:  # it is to be there, and to know what has the focus
                    await _settle(opened)
                    while isinstance(opened, ConsoleScreen) and not opened.is_ready:
                        await asyncio.sleep(0.005)
        except TimeoutError:
            if self._typed:
                self.refuse("the first key takes too long: the keys after it were dropped")

    def _is_opening(self, before: set[Any]) -> bool:
        """Whether a worker that was not there `before` is about to open something."""
        return any(one.group == OPENING and not one.is_finished for one in set(self._app.workers) - before)


async def _settle(node: DOMNode) -> None:
    """Wait until `node` and what stands around it have dealt with all that they were told, and with what came of it."""
    for _ in range(ROUNDS):
        for place in node.ancestors_with_self:
            done = asyncio.Event()
            asked = place.call_later(done.set)
            while asked and place.is_attached and not done.is_set():  # what is being closed does not answer
                with suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), 0.05)


def tell(screen: DOMNode, text: str) -> None:
    """Say it where the screen says its keys; the screens of Textual itself have no such place."""
    if isinstance(screen, ConsoleScreen | Dialog):
        screen.say(text)


def of_no_use(app: App[Any], event: Key) -> str:
    """Why a key that nobody has taken does nothing; "" where there is no need to say so."""
    screen = app.screen
    for node, bindings in screen._modal_binding_chain:
        for binding in bindings.key_to_bindings.get(event.key, ()):
            target, name, parameters = app._parse_action(binding.action, node)
            if isinstance(target, ConsoleScreen | Dialog) and (why := target.why_not(name, parameters)):
                return why
            if target.check_action(name, parameters) is False:
                return "this console is read-only: it changes nothing"
    if not event.is_printable and event.key != "escape":
        return ""  # such as those that terminals send for a shift or an alt of its own
    way_out = "; esc closes this" if isinstance(screen, Dialog) else hint(screen, "help", "; {} lists the keys").plain
    return f"{called(event.key)} does nothing here{way_out}"
