"""Which cards CUDA_VISIBLE_DEVICES lets a process see, read as NVIDIA's driver reads it. Asks no driver itself.

The rules are those of the CUDA C++ Programming Guide ("CUDA Environment Variables") and of the MIG User Guide; where
these are silent, what driver 580 did with two H200.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
HIDDEN = ("", "NoDevFiles")
"""What stands in the variable where no card is meant; Slurm writes the second into a job that has none."""

_NUMBER = re.compile(r"\s*([+-]?[0-9]+)")  # as C's strtol, which is content with how the text begins
_UUID = re.compile(r"GPU-((?:-*[0-9a-fA-F]){32}|[0-9a-fA-F-]+\Z)")  # behind a whole one anything may stand
_PLACE = re.compile(r"MIG-(GPU-[0-9a-fA-F-]+)/([0-9]+)/([0-9]+)\s*")


class Instance(Struct, frozen=True):
    """A part of a card that MIG has divided, with the two numbers by which it may be named too."""

    uuid: str
    gpu_instance: int
    compute_instance: int


class Installed(Struct, frozen=True):
    """A card of the machine; `instances` is None where it is not divided."""

    uuid: str
    instances: tuple[Instance, ...] | None = None


class Visible(Struct, frozen=True):
    """`names` are the cards in the order that is asked for: a number in the order of nvidia-smi, or a part's UUID.

    `trouble` says what the variable asks for and is not there.
    """

    names: tuple[str, ...]
    trouble: str | None = None


def read_visible(text: str | None, cards: Sequence[Installed] | None) -> Visible:
    """What the variable's `text`, None where it is not set, means on a machine with these `cards`, in the order of
    nvidia-smi. Where there is no driver that lists them (None), whatever could be a card is believed.

    The first entry decides whether all are numbers, UUIDs or parts. What comes after one that means nothing is not
    seen, and a card that is named twice hides all of them.
    """
    if text is None:
        listed = range(len(cards or ()))
        return Visible(tuple(name for number in listed for name in _names(number, cards or ())))
    entries = text.split(",")
    meaning = next((kind for prefix, kind in _KINDS.items() if entries[0].startswith(prefix)), _number)
    names: list[str] = []
    for entry in entries:
        name = meaning(entry, cards)
        if name is None:
            is_meant = entry.strip() in HIDDEN or entry.strip().startswith("-")
            return Visible(tuple(names), None if is_meant else f"{GPU_VARIABLE}={text}: {entry!r} is not a card here")
        if name in names:
            return Visible((), f"{GPU_VARIABLE}={text}: {entry!r} names a card twice, which hides all cards")
        names.append(name)
    return Visible(tuple(names))


def _number(entry: str, cards: Sequence[Installed] | None) -> str | None:
    found = _NUMBER.match(entry)
    if found is None or int(found[1]) < 0:
        return None
    return str(int(found[1])) if cards is None else _first(int(found[1]), cards)


def _uuid(entry: str, cards: Sequence[Installed] | None) -> str | None:
    """A UUID, of which so much is enough as no other card begins with; with or without hyphens."""
    found = _UUID.match(entry)
    if found is None:
        return None
    if cards is None:
        return found[0]
    meant = [number for number, card in enumerate(cards) if _begins(card.uuid, found[0])]
    return _first(meant[0], cards) if len(meant) == 1 else None


def _part(entry: str, cards: Sequence[Installed] | None) -> str | None:
    """MIG-<UUID>, or in the older way MIG-<the card's UUID>/<GPU instance>/<compute instance>."""
    if cards is None:
        return entry.strip()
    parts = [(card.uuid, part) for card in cards for part in card.instances or ()]
    if found := _PLACE.fullmatch(entry):
        place = (int(found[2]), int(found[3]))
        meant = [
            part.uuid
            for uuid, part in parts
            if _begins(uuid, found[1]) and (part.gpu_instance, part.compute_instance) == place
        ]
    else:
        meant = [part.uuid for _, part in parts if part.uuid.startswith(entry.strip())]
    return meant[0] if len(meant) == 1 else None


_KINDS = {"GPU-": _uuid, "MIG-": _part}


def _begins(uuid: str, entry: str) -> bool:
    digits, asked = (text.removeprefix("GPU-").replace("-", "").lower() for text in (uuid, entry))
    return bool(asked) and digits.startswith(asked)


def _first(number: int, cards: Sequence[Installed]) -> str | None:
    """What a process computes on that is given this card: of a divided one the first part."""
    return next(iter(_names(number, cards)), None) if number < len(cards) else None


def _names(number: int, cards: Sequence[Installed]) -> tuple[str, ...]:
    instances = cards[number].instances
    return (str(number),) if instances is None else tuple(part.uuid for part in instances)
