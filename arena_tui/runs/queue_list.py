"""The queue to read and as JSON for scripts: whether it is paused, what runs now, and what waits. Knows no widget."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from arena_tui.format.numbers import count, ordinal
from arena_tui.format.sanitize import printable, utf8
from arena_tui.runs.follow import RunList, RunView
from arena_tui.runs.waits import card
from core.runs.entry import Standing, standing
from core.runs.lock import is_locked
from core.runs.queue import Queue, Queued

PAUSED = "the queue is paused: arena-tui queue resume starts what waits"
FIRST = 9
"""Cells of the state of a run that goes on, or of the place of one that waits."""


class QueueView(Struct, frozen=True):
    is_paused: bool
    is_served: bool
    """Whether a runner is at work, without which nothing is started."""
    running: list[RunView]
    """Runs of the folder that go on here, queued or not: what waits, waits for these."""
    waiting: list[Queued]


def look(queue: Queue) -> QueueView:
    running = [run for run in RunList(queue.runs).read() if run.is_going_on_here]
    return QueueView(queue.is_paused, bool(is_locked(queue.runner_lock)), running, queue.waiting())


def as_lines(view: QueueView) -> Iterator[str]:
    if view.is_paused:
        yield PAUSED
    for run in view.running:
        where = "" if (gpu := _gpu(run)) is None else f"  on {card(gpu)}"
        steps = run.state.started.steps if run.state.started else None
        progress = "" if steps is None else f"  step {count(run.state.step)} of {count(steps)}"
        yield f"{run.status.value:>{FIRST}}  {printable(run.folder.id)}{where}{progress}"
    for place, (waiting, entry) in enumerate(view.waiting, 1):
        yield f"{ordinal(place):>{FIRST}}  {printable(waiting.id)}  on {' or '.join(map(card, entry.gpus))}"
        if (how := standing(waiting, entry)) is not Standing.OURS:
            way_out = f"arena-tui queue adopt {printable(waiting.id)} shows its settings and asks"
            yield f"{'':>{FIRST}}  it {how}, so it does not start: {way_out}"
    if not view.waiting:
        yield "nothing waits: arena-tui queue add PROFILE queues one"


def as_json(view: QueueView) -> bytes:
    """A JSON object. What is not known is null."""
    running = [
        {
            "id": utf8(run.folder.id),
            "folder": utf8(str(run.folder.path)),
            "status": run.status,
            "gpu": _gpu(run),
            "step": run.state.step,
            "steps": run.state.started.steps if run.state.started else None,
        }
        for run in view.running
    ]
    waiting = [
        {
            "id": utf8(run.id),
            "folder": utf8(str(run.path)),
            "place": place,
            "gpus": entry.gpus,
            "is_ours": standing(run, entry) is Standing.OURS,
        }
        for place, (run, entry) in enumerate(view.waiting, 1)
    ]
    return msgspec.json.encode(
        {"paused": view.is_paused, "runner": view.is_served, "running": running, "waiting": waiting}
    )


def _gpu(run: RunView) -> str | None:
    info = run.folder.read_info()
    return info.gpu if info else None
