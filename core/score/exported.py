"""What an export came to: what its child prints. Imports nothing heavy."""

import sys

from msgspec import Struct

EXPORT = (sys.executable, "-P", "-m", "core.score.export")


class Exported(Struct, frozen=True, kw_only=True):
    folder: str | None = None
    """The merged checkpoint, where one was asked for."""
    url: str | None = None
    """Where it was pushed to."""
    problem: str | None = None
