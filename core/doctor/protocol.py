"""What a look at the machine answers: a Check a line. Imports nothing heavy."""

from typing import Literal

from msgspec import Struct

from core.protocol import command

DOCTOR = command("core.doctor")
CARDS = command("core.doctor.cards")

Verdict = Literal["ok", "note", "problem"]


class Check(Struct, frozen=True):
    """`advice` says what to do. A note stands in the way of nothing, or only of some runs; a problem does."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


class Cards(Struct, frozen=True, kw_only=True):
    """What several cards do, in the order in which a process sees them."""

    names: list[str]
    troubles: list[str]
    """What keeps each of them from computing; "" where nothing does."""
    nccl: str
    """The version of the library by which ranks on cards exchange; "" where torch was built without it."""
    apart: list[tuple[int, int]]
    """Pairs that cannot read one another's memory: what they exchange goes through that of the machine."""
