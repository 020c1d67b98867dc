"""Hands batches to whoever is free, the most tokens first, so that all are busy to the end. Knows no process."""

from collections import deque
from collections.abc import Iterable
from threading import Condition
from typing import Generic, TypeVar

Task = TypeVar("Task")


class Deal(Generic[Task]):
    """Tasks for several threads. What is taken is not done before it is said so, and can be given back."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting = deque(tasks)
        self._taken = 0
        self._is_closed = False
        self._changed = Condition()

    def take(self) -> Task | None:
        """The next task; None once nothing is left. While others are at work on the last ones it waits: one of
        them may give its task back."""
        with self._changed:
            while not self._waiting and self._taken and not self._is_closed:
                self._changed.wait()
            if not self._waiting:
                return None
            self._taken += 1
            return self._waiting.popleft()

    def done(self) -> None:
        self._end()

    def give_back(self, task: Task) -> None:
        """Somebody else is to do it."""
        self._end(task)

    def close(self) -> None:
        """From here on there is nothing to take."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _end(self, *given_back: Task) -> None:
        with self._changed:
            self._waiting.extendleft(() if self._is_closed else given_back)
            self._taken -= 1
            self._changed.notify_all()
