"""What screens do with the queue: give a run another place, take one out or adopt it after a question, pause it all."""

import asyncio
from functools import partial
from typing import Any

from textual.screen import Screen

from arena_tui.dialogs.ask import STAY, AskScreen
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.runs.waits import Wait
from arena_tui.screen.keymap import hint
from arena_tui.screen.undo import Changed
from core.files import in_words
from core.runs.access import read_whole
from core.runs.entry import Standing
from core.runs.folder import RunFolder
from core.runs.queue import Queue, QueueError, Where, queue_of


async def move(screen: Screen[Any], run: RunFolder, where: Where) -> None:
    """Give the run another place, or say why it has none."""
    queue = queue_of(run)
    try:
        place = await asyncio.to_thread(queue.move, run, where)
    except (QueueError, OSError) as error:
        _tell(screen, error)
    else:
        back = partial(queue.move, run, place)
        screen.app.post_message(Changed(f"{run.id} is {numbers.ordinal(place)} in the queue again", back))


async def take_out(screen: Screen[Any], run: RunFolder) -> bool:
    """Ask whether the run is to go, with its folder; True if it has gone."""
    text = f"{run.id}\n\nIts folder is deleted if it contains only its profile."
    answer = await screen.app.push_screen_wait(
        AskScreen("take it out of the queue?", text, [("y", "take it out")], stay="let it wait")
    )
    if answer == STAY:
        return False
    try:
        removed = await asyncio.to_thread(queue_of(run).remove, run)
    except (QueueError, OSError) as error:
        _tell(screen, error)
        return False
    screen.app.post_message(Changed(f"{run.id} waits in the queue again", partial(queue_of(run).put_back, removed)))
    way_back = hint(screen, "undo", "; {} puts it back").plain
    screen.app.notify(f"taken out of the queue{way_back}")
    return True


async def adopt(screen: Screen[Any], run: RunFolder, wait: Wait) -> bool:
    """Show what a run would run that this user has not queued here, and ask whether it is to; True if it is."""
    if wait.standing is Standing.OURS:
        screen.notify("This run is yours already: it starts when its turn comes.")
        return False
    try:
        settings = await asyncio.to_thread(read_whole, run.resolved)
        text = f"{run.path}\n\n{settings.decode(errors='replace')}"
        ask = AskScreen("start it as yours when its turn comes?", text, [("y", "let it start")], stay="do not start it")
        if await screen.app.push_screen_wait(ask) == STAY:
            return False
        await asyncio.to_thread(queue_of(run).adopt, run, settings)
    except (QueueError, OSError) as error:
        _tell(screen, error)
        return False
    return True


async def pause(screen: Screen[Any], queue: Queue) -> None:
    """Start nothing more for now; or go on with it."""
    try:
        await asyncio.to_thread(queue.unpause if queue.is_paused else queue.pause)
    except (QueueError, OSError) as error:
        _tell(screen, error)
    else:
        screen.notify("the queue is paused" if queue.is_paused else "the queue is resumed")


def _tell(screen: Screen[Any], error: Exception) -> None:
    screen.notify(printable(in_words(error)), title="the queue was not changed", severity="warning", markup=False)
