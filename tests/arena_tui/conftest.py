"""What the console's tests share: a working directory and a runs folder in it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from screen import PROFILE, SECONDS

from arena_tui.app.app import ArenaApp
from arena_tui.dialogs.ask import Dialog
from arena_tui.screen.footer import Footer
from core.runs.folder import list_runs


@pytest.fixture(autouse=True)
def _notifications_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test may look for one late: on a machine with other work a single key press can take longer than they stay."""
    monkeypatch.setattr(ArenaApp, "NOTIFICATION_TIMEOUT", SECONDS)
    for place in (Footer, Dialog):
        monkeypatch.setattr(place, "SECONDS", SECONDS)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one profile of the user's, and a file for its rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text(PROFILE)
    (tmp_path / "mine.csv").touch()
    return tmp_path


@pytest.fixture
def runs(workplace: Path) -> Iterator[Path]:
    """The runs folder. Children that a test left running are killed."""
    folder = workplace / "runs"
    yield folder
    for process in psutil.Process().children():  # the queue's runners first, or they start the next run
        with suppress(psutil.NoSuchProcess):
            if "core.runs.queue_runner" in process.cmdline():
                process.kill()
    for run in list_runs(folder):
        info = run.read_info()
        if info and info.pid != os.getpid() and psutil.pid_exists(info.pid):
            psutil.Process(info.pid).kill()
