"""What is said of an error: its cause, what to do about it, and the exit code."""

from msgspec import Struct

from core.profile.load import Change

BAD_INPUT = 2
FAILURE = 1


class Explanation(Struct, frozen=True):
    """`changes` are those settings of the run that may mend it."""

    cause: str
    advice: str
    exit_code: int = FAILURE
    changes: list[Change] = []
