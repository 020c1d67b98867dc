"""Before anything is imported: one thread a process, since workers and their children share the cores; and a folder for
what this user's programs are to remember, since tests are to leave nothing among their own.

Two OpenMP teams on two cores wait for each other more than they compute.
"""

import os
import tempfile

import pytest

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
_state = tempfile.TemporaryDirectory()
os.environ["XDG_STATE_HOME"] = _state.name

TRAINS = {"start", "start_shared", "finished"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for a run that trains is slow, and so is what takes the whole program; the rest says so itself."""
    for item in items:
        if TRAINS & set(getattr(item, "fixturenames", ())) or "end_to_end" in item.path.parts:
            item.add_marker(pytest.mark.slow)
