"""What queued runs wait for, and how that is said. Knows no widget."""

from collections.abc import Sequence

from msgspec import Struct
from textual.content import Content
from textual.dom import DOMNode

from arena_tui.format.numbers import count, ordinal
from arena_tui.format.sanitize import printable
from arena_tui.screen.keymap import hint
from core.machine.gpus import NO_GPU
from core.runs.allotment import Queued, allot, request
from core.runs.entry import Standing, standing
from core.runs.folder import RunFolder
from core.runs.lock import is_locked
from core.runs.queue import Queue
from core.runs.queue_runner import occupant


class Wait(Struct, frozen=True):
    """`place` counts from 1. `occupants` holds, for each card on which it may run, the id of the run that has it, of
    which it needs `count`. `keeper` is the first run that waits for more cards than are free, which are kept for it."""

    place: int
    is_paused: bool
    is_served: bool
    """Whether a runner is at work, without which nothing is started."""
    occupants: dict[str, str | None]
    count: int = 1
    is_due: bool = False
    """Whether it gets its cards at once."""
    keeper: str | None = None
    is_keeper: bool = False
    standing: Standing = Standing.OURS

    @property
    def free(self) -> int:
        """Of the cards on which it may run."""
        return sum(run is None for run in self.occupants.values())


def waits(queue: Queue, waiting: Sequence[Queued], others: Sequence[RunFolder]) -> dict[str, Wait]:
    """What each of `waiting` waits for, by id, in order. `others` are the runs that may have a card."""
    found = {gpu: occupant(others, gpu) for gpu in {gpu for _, entry in waiting for gpu in entry.gpus}}
    ids = {gpu: run.id if run else None for gpu, run in found.items()}
    is_paused, is_served = queue.is_paused, bool(is_locked(queue.runner_lock))
    standings = {run.id: standing(run, entry) for run, entry in waiting}
    ours = [one for one in waiting if standings[one[0].id] is Standing.OURS]
    allotment = allot(ours, [gpu for gpu, run_id in ids.items() if run_id is None])
    due = {run.id for run, _, _ in allotment.given}
    keeper = allotment.keeper.id if allotment.keeper else None
    known = {}
    for place, (run, entry) in enumerate(waiting, 1):
        asked = request(entry)
        known[run.id] = Wait(
            place=place,
            is_paused=is_paused,
            is_served=is_served,
            occupants={gpu: ids[gpu] for gpu in asked.cards},
            count=asked.count,
            is_due=run.id in due,
            keeper=keeper,
            is_keeper=run.id == keeper,
            standing=standings[run.id],
        )
    return known


def card(gpu: str) -> str:
    """A card as one speaks of it."""
    return "the processor" if gpu == NO_GPU else f"GPU {printable(gpu)}"


def cards(gpus: Sequence[str], joined_by: str = "and") -> str:
    """One card or several as one speaks of them."""
    *others, last = map(printable, gpus)
    return f"GPUs {', '.join(others)} {joined_by} {last}" if others else card(last)


def words(wait: Wait, node: DOMNode) -> list[Content]:
    """Its place, what it waits for, and who will start it, in sentences, with the keys that `node` has for it."""
    where = "It is next." if wait.place == 1 else f"It is {ordinal(wait.place)} in the queue."
    if wait.standing is not Standing.OURS:
        ways_out = hint(node, "adopt", "{} or ") + "arena-tui queue adopt shows its settings and asks."
        return [Content(where), Content(f"It {wait.standing}, so it does not start: ") + ways_out]
    if wait.is_paused:
        ways_out = hint(node, "pause", "{} or ") + "arena-tui queue resume resumes it."
        return [Content(where), Content("The queue is paused; ") + ways_out]
    if not wait.is_served:
        nobody = "Nothing is starting runs at the moment; opening a console here, or arena-tui queue, does."
        return [Content(where), Content(nobody)]
    taken: dict[str, list[str]] = {}
    for gpu, run_id in wait.occupants.items():
        if run_id:
            taken.setdefault(run_id, []).append(gpu)
    using = [f"{printable(run_id)} is using {cards(gpus)}." for run_id, gpus in taken.items()]
    needed = [f"It {need}." for need in needs(wait)]
    soon = ", within seconds" if wait.is_due else ""
    return [*map(Content, [where, *needed, *using]), Content(f"It starts by itself{soon}, without this console.")]


def needs(wait: Wait) -> list[str]:
    """How many cards it waits for where that is not a single one, how many are free, and for which run these are kept.
    The words go on from "it"."""
    if wait.is_due:
        return []
    kept = ", kept for it" if wait.is_keeper and wait.free else ""
    told = [f"waits for {wait.count} cards: {wait.free} of {len(wait.occupants)} are free{kept}"]
    if wait.free >= wait.count and wait.keeper and not wait.is_keeper:
        told.append(f"is behind {printable(wait.keeper)}, the first that waits, for which free cards are kept")
    return told if wait.count > 1 else told[1:]


def title(runs: str, *, is_queue_paused: bool) -> Content:
    """`runs`, what a list of them is called, and that none of those which wait is started, where that is so."""
    return Content.assemble(runs, (" · queue paused", "$text-warning")) if is_queue_paused else Content(runs)


def without_console(waiting: Sequence[Wait]) -> str:
    """What becomes of those that wait when the console is left; empty where none does that this user has queued."""
    waiting = [wait for wait in waiting if wait.standing is Standing.OURS]
    if not waiting:
        return ""
    one = len(waiting) == 1
    who = "1 run waits" if one else f"{count(len(waiting))} runs wait"
    if waiting[0].is_paused:
        return f"{who} in the queue, which is paused: arena-tui queue resume starts {'it' if one else 'them'}."
    how = "it starts" if one else "they start one after the other"
    return f"{who} in the queue; {how}, without this console."
