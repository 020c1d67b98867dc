"""What the console's screens have in common: in a read-only console, no key changes anything."""

from typing import ClassVar, TypeVar

from textual.screen import Screen

READONLY = "-readonly"
"""The class of an app that may watch and touch nothing."""
Result = TypeVar("Result")


class ConsoleScreen(Screen[Result]):
    CHANGES: ClassVar[frozenset[str]] = frozenset()
    """Actions that change a run, a profile or a file."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        return action not in self.CHANGES or not self.app.has_class(READONLY)
