"""Runs that are queued, and what becomes of them."""

import time
from collections.abc import Callable
from typing import Literal

import pytest

from core.profile.settings import Profile, Run
from core.runs.folder import RunFolder
from core.runs.queue import Queue
from core.runs.state import Status, read_run

SECONDS = 90.0


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"never came: {what}")
        time.sleep(0.02)


def until_status(run: RunFolder, status: Status) -> None:
    until(lambda: read_run(run)[1] is status, f"{run.id} {status}; it is {read_run(run)[1]}")


def add_for(queue: Queue, name: str, gpus: int | Literal["all"] | list[int]) -> RunFolder:
    """A run that asks for these cards."""
    return queue.add(Profile(run=Run(gpus=gpus)), text="", name=name)


def add(queue: Queue, *names: str) -> list[RunFolder]:
    return [queue.add(Profile(), text=f"# {name}\n", name=name) for name in names]


def ids(queue: Queue) -> list[str]:
    return [run.id for run, _ in queue.waiting()]
