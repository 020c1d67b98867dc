"""The pulse of a rank: a small file in which it says that it gets on, for whoever watches over it. Imports no torch."""

import os
import struct
import time
from enum import Enum
from pathlib import Path

from msgspec import Struct

_FORM = struct.Struct("<cdd")


class Doing(Enum):
    """What a rank does."""

    RESTS = b"r"
    """Something that may take as long as it likes: it loads, or saves."""
    COMPUTES = b"c"
    WAITS = b"w"
    """For the other ranks."""
    ENDS = b"e"
    """It has done all there was to do."""


class Beat(Struct, frozen=True):
    """The last beat of a rank: when it was, by the clock of `time.monotonic`, which all processes of a machine share;
    and the longest time that it has computed without one, in seconds."""

    doing: Doing
    at: float
    longest: float


class Pulse:
    """The writing end."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._beat = Beat(Doing.RESTS, time.monotonic(), 0.0)
        self.rests()

    def computes(self) -> None:
        self._write(Doing.COMPUTES)

    def waits(self) -> None:
        self._write(Doing.WAITS)

    def rests(self) -> None:
        self._write(Doing.RESTS)

    def ends(self) -> None:
        self._write(Doing.ENDS)

    def _write(self, doing: Doing) -> None:
        now, before = time.monotonic(), self._beat
        took = now - before.at if before.doing is Doing.COMPUTES else 0.0
        self._beat = Beat(doing, now, max(before.longest, took))
        os.pwrite(self._file, _FORM.pack(doing.value, now, self._beat.longest), 0)


def read_pulse(path: Path) -> Beat | None:
    """The last beat; None before the first."""
    try:
        doing, at, longest = _FORM.unpack(path.read_bytes())
    except (OSError, struct.error):
        return None
    return Beat(Doing(doing), at, longest)
