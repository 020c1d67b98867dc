"""What a check has found."""

import sys
from typing import Literal

from msgspec import Struct

DOCTOR = (sys.executable, "-P", "-m", "core.doctor")

Verdict = Literal["ok", "note", "problem"]


class Check(Struct, frozen=True):
    """`advice` says what to do. A note stands in the way of nothing, or only of some runs; a problem does."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""
