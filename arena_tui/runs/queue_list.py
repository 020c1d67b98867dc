"""The queue to read and as JSON for scripts: whether it is paused, what runs now, and what waits. Knows no widget."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from arena_tui.format.numbers import count, ordinal
from arena_tui.format.sanitize import printable, utf8
from arena_tui.runs.follow import RunList, RunView
from arena_tui.runs.settings import settings_of, swept
from arena_tui.runs.waits import Wait, cards, needs, waits
from core.runs.allotment import Queued
from core.runs.entry import Standing, standing
from core.runs.lock import is_locked
from core.runs.queue import Queue

PAUSED = "the queue is paused: arena-tui queue resume starts what waits"
MOST_VALUES = 4
"""Told of a run in a line."""
FIRST = 9
"""Cells of the state of a run that goes on, or of the place of one that waits."""


class QueueView(Struct, frozen=True):
    is_paused: bool
    is_served: bool
    """Whether a runner is at work, without which nothing is started."""
    running: list[RunView]
    """Runs of the folder that go on here, queued or not: what waits, waits for these."""
    waiting: list[Queued]
    waits: dict[str, Wait]
    """What each of these waits for, by id."""
    swept: dict[str, dict[str, object]]
    """By id of each that waits, its values of the settings in which those queued of the same profile differ."""


def look(queue: Queue) -> QueueView:
    running, waiting = [run for run in RunList(queue.runs).read() if run.is_going_on_here], queue.waiting()
    known = waits(queue, waiting, queue.others())
    return QueueView(queue.is_paused, bool(is_locked(queue.runner_lock)), running, waiting, known, _swept(waiting))


def _swept(waiting: Sequence[Queued]) -> dict[str, dict[str, object]]:
    settings = settings_of([run for run, _ in waiting], {})
    of_profile: dict[str, list[str]] = {}
    for run, entry in waiting:
        of_profile.setdefault(entry.profile, []).append(run.id)
    keys = {id: swept(settings[one] for one in ids) for ids in of_profile.values() for id in ids}
    return {id: {key: own[key] for key in keys[id] if key in own} for id, own in settings.items()}


def as_lines(view: QueueView) -> Iterator[str]:
    if view.is_paused:
        yield PAUSED
    for run in view.running:
        where = f"  on {cards(gpus)}" if (gpus := _gpus(run)) else ""
        steps = run.state.started.steps if run.state.started else None
        progress = "" if steps is None else f"  step {count(run.state.step)} of {count(steps)}"
        yield f"{run.status.value:>{FIRST}}  {printable(run.folder.id)}{where}{progress}"
    for place, (waiting, entry) in enumerate(view.waiting, 1):
        where = _asked(view.waits[waiting.id])
        yield f"{ordinal(place):>{FIRST}}  {printable(waiting.id)}  on {where}{_values(view.swept[waiting.id])}"
        if (how := standing(waiting, entry)) is not Standing.OURS:
            way_out = f"arena-tui queue adopt {printable(waiting.id)} shows its settings and asks"
            yield f"{'':>{FIRST}}  it {how}, so it does not start: {way_out}"
        elif not view.is_paused:
            yield from (f"{'':>{FIRST}}  it {need}" for need in needs(view.waits[waiting.id]))
    if not view.waiting:
        yield "nothing waits: arena-tui queue add PROFILE queues one"


def as_json(view: QueueView) -> bytes:
    """A JSON object. What is not known is null."""
    running = [
        {
            "id": utf8(run.folder.id),
            "folder": utf8(str(run.folder.path)),
            "status": run.status,
            "gpu": next(iter(_gpus(run)), None),
            "gpus": _gpus(run),
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
            "gpus": list(view.waits[run.id].occupants),
            "gpus_needed": view.waits[run.id].count,
            "gpus_free": view.waits[run.id].free,
            "is_ours": standing(run, entry) is Standing.OURS,
            "swept": view.swept[run.id],
        }
        for place, (run, entry) in enumerate(view.waiting, 1)
    ]
    return msgspec.json.encode(
        {"paused": view.is_paused, "runner": view.is_served, "running": running, "waiting": waiting}
    )


def _values(swept: Mapping[str, object]) -> str:
    """Those of a run, each with the last part of its setting's name."""
    told = [f"{key.rpartition('.')[2]} {printable(str(value))}" for key, value in swept.items()]
    more = ["…"] if len(told) > MOST_VALUES else []
    return "".join(f"  {one}" for one in [*told[:MOST_VALUES], *more])


def _gpus(run: RunView) -> list[str]:
    """The cards that a run computes on; empty where it does not tell."""
    info = run.folder.read_info()
    return (info.cards or []) if info else []


def _asked(wait: Wait) -> str:
    """On which cards it is to run, or on some of which."""
    of = list(wait.occupants)
    if wait.count == len(of):
        return cards(of)
    return cards(of, "or") if wait.count == 1 else f"{wait.count} of {cards(of)}"
