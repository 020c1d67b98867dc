"""The changes of this console that can be taken back, the last one first. What cannot be is never among them."""

import asyncio
from typing import Any

from textual.app import App

from arena_tui.app.keyboard import tell
from arena_tui.format.sanitize import printable
from arena_tui.screen.undo import Changed, Overtaken, Undone
from core.files import in_words
from core.profile.errors import ProfileError
from core.runs.notes import NotesError
from core.runs.queue import QueueError
from core.runs.trash import StillInUse

MOST = 50
"""Changes that are remembered."""


class Undo:
    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._changes: list[Changed] = []

    def remember(self, change: Changed) -> None:
        self._changes = [*self._changes, change][-MOST:]

    async def take_back(self) -> None:
        """Take back the last change, and say which it was; one that cannot be taken back any more is given up."""
        if not self._changes:
            tell(self._app.screen, "there is nothing to undo")
            return
        change = self._changes.pop()
        try:
            await asyncio.to_thread(change.take_back)
        except (Overtaken, NotesError, ProfileError, QueueError, StillInUse, OSError) as error:
            self._app.notify(printable(in_words(error)), title="not undone", severity="error", markup=False)
        else:
            self._app.notify(printable(change.what), title="undone", markup=False)
        self._app.screen.post_message(Undone())
