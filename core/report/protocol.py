"""How far a report is: what its child prints, one JSON object a line. Imports nothing heavy."""

import sys

from msgspec import Struct

from core.data.template import Frame

REPORT = (sys.executable, "-P", "-m", "core.report")
SWAP = (sys.executable, "-P", "-m", "core.report.swap")


class Progress(Struct, frozen=True, kw_only=True):
    """`doing` is a few words. `report` is the file of the complete report, `problem` why there is none."""

    doing: str = ""
    report: str | None = None
    rows: str | None = None
    """A file with the rows that the report lists, as an inspection keeps them; None where they cannot be had."""
    pieces: str | None = None
    frame: Frame | None = None
    problem: str | None = None
