"""What a submission was found to be: what the child that checks it prints. Imports nothing heavy."""

import sys

from msgspec import Struct

CHECK = (sys.executable, "-P", "-m", "core.score.check")


class Check(Struct, frozen=True, kw_only=True):
    """No problems mean that the file can be handed in."""

    file: str
    rows: int = 0
    expected_rows: int = 0
    problems: list[str] = []
    unreadable: str | None = None
    """Why one of the two files could not be read."""
