"""What screens tell of a change that can be taken back, and what they are told once it was. Knows no change."""

from collections.abc import Callable
from dataclasses import dataclass

from textual.message import Message


class Overtaken(Exception):
    """What was changed is no longer as the change had left it: it stays, or something else would be lost."""


@dataclass
class Changed(Message):
    """Something was changed. `take_back`, which is called in a thread, brings back what was before, and `what` says so.

    It raises Overtaken, or whatever kept it from its work. Posted to the app.
    """

    what: str
    take_back: Callable[[], object]


class Undone(Message):
    """A change was taken back: what a screen shows may be another. Posted to the screen in front."""
