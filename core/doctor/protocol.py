"""What a look at the machine answers: a Check a line. Imports nothing heavy."""

from typing import Literal

from msgspec import Struct

from core.protocol import command

DOCTOR = command("core.doctor")

Verdict = Literal["ok", "note", "problem"]


class Check(Struct, frozen=True):
    """`advice` says what to do. A note stands in the way of nothing, or only of some runs; a problem does."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""
