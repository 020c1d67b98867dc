"""Which of the free cards the runs of a queue are given. Asks no driver, and starts nothing.

In the order of the queue, whatever fits into the free cards is given what it asks for. The first run that does not fit
keeps every free card that it could use: those behind it get only others. So cards that come free add up for whatever
has become first, and none waits without end for cards that smaller runs take one after the other.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct

from core.machine.chosen import chosen_gpus
from core.machine.gpus import NO_GPU
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.runs.entry import Entry
from core.runs.folder import RunFolder
from core.runs.launch_script import demand_one_machine

Queued = tuple[RunFolder, Entry]
SEPARATOR = ","
"""Between cards, as in CUDA_VISIBLE_DEVICES."""


class Request(Struct, frozen=True):
    """So many cards out of these at once."""

    count: int
    cards: list[str]


class Allotment(Struct, frozen=True):
    """`given` are runs with their cards; `keeper` is the first run that has to wait, for which free cards are kept."""

    given: list[tuple[RunFolder, Entry, list[str]]]
    keeper: RunFolder | None = None


def demand_startable(profile: Profile, gpus: Sequence[str]) -> None:
    """Raises SettingError where a queue with these cards cannot start what the settings ask for."""
    demand_one_machine(profile)
    chosen_gpus(profile.run.gpus, [gpu for gpu in gpus if gpu != NO_GPU])


def request(entry: Entry) -> Request:
    """What the run needs. The processor counts as one card, which all its ranks share. A run that asks for what is not
    there is given all that is, and says so itself."""
    if entry.taken is not None:
        cards = entry.taken.split(SEPARATOR)
        return Request(len(cards), cards)
    if entry.gpus == [NO_GPU]:
        return Request(1, entry.gpus)
    try:
        chosen = chosen_gpus(entry.wanted, entry.gpus)
    except SettingError:
        return Request(len(entry.gpus), entry.gpus)
    return Request(len(chosen), entry.gpus if isinstance(entry.wanted, int) else chosen)


def seen(entry: Entry, cards: Sequence[str]) -> list[str]:
    """The cards that the run's process is to see, given `cards`: where it names its own by number, all it was queued
    with, since it counts those."""
    return entry.gpus if isinstance(entry.wanted, list) else list(cards)


def allot(entries: Sequence[Queued], free: Collection[str]) -> Allotment:
    """Cards for each of `entries`, in their order, that can be started now. Those that a runner took for their cards
    and did not live to start come first."""
    left = list(free)
    allotment = Allotment([])
    for run, entry in sorted(entries, key=lambda one: one[1].taken is None):
        asked = request(entry)
        there = [card for card in asked.cards if card in left and card in entry.gpus]
        if len(there) >= asked.count:
            cards = there[: asked.count]
            allotment.given.append((run, entry, cards))
        elif allotment.keeper is None:
            cards = there
            allotment = Allotment(allotment.given, run)
        else:
            cards = []
        left = [card for card in left if card not in cards]
    return allotment
