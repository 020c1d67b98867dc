"""The record tells whether the user has stopped a run or a signal that nobody here has sent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.profile.settings import Profile
from core.runs.events import Cancelled, Stopping
from core.runs.folder import RunFolder, create_run
from core.runs.notify import outcome
from core.runs.process import launch
from core.runs.record import Tail
from core.runs.state import RunState, Status
from core.runs.stopping import Rung, ask, pass_on, stopped_by

RUN = """
import sys, time
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process
from core.runs.record import Record
from core.runs.stop_request import Stopped, StopRequest
folder = RunFolder(Path(sys.argv[-1]))
with Record(folder.events) as record:
    stop = StopRequest(record, last_act=lambda: None)
    try:
        folder.write_info(describe_this_process(sys.argv))
        time.sleep(600)
    except Stopped:
        record.write(stop.cancelled())
"""
WAITS = """
        with stop.deferred():
            while not (folder.path / "go").exists():
                time.sleep(0.01)
        stop.heed()
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return create_run(tmp_path, Profile(), text="", name="x")


def ended(folder: RunFolder, act: Callable[["subprocess.Popen[bytes]"], object], program: str = RUN) -> Cancelled:
    """The last event of a process that is at work in the folder while `act` is done to it."""
    child = launch(folder, [sys.executable, "-P", "-c", program])
    try:
        act(child)
        child.wait(60)
    finally:
        child.kill()
        child.wait()
    last = Tail(folder.events).read()[-1]
    assert isinstance(last, Cancelled)
    return last


@pytest.mark.parametrize("rung", [Rung.SAVE, Rung.NOW])
def test_what_a_user_asks_for_here_is_theirs(rung: Rung, folder: RunFolder) -> None:
    last = ended(folder, lambda _: ask(folder, rung))
    assert stopped_by(last) == "you"
    assert not (folder.path / ".stop").exists()


def test_asking_twice_leaves_nothing_behind(folder: RunFolder) -> None:
    def ask_twice(_: object) -> None:
        assert ask(folder, Rung.SAVE)
        while not any(isinstance(event, Stopping) for event in Tail(folder.events).read()):
            pass
        assert ask(folder, Rung.SAVE)
        (folder.path / "go").touch()

    saving = RUN.replace("        time.sleep(600)", WAITS)
    assert stopped_by(ended(folder, ask_twice, saving)) == "you"
    assert not (folder.path / ".stop").exists()


def test_ctrl_c_is_the_users_too(folder: RunFolder) -> None:
    assert stopped_by(ended(folder, lambda _: pass_on(folder, signal.SIGINT))) == "you"


def test_a_signal_from_elsewhere_is_named_with_its_job(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    last = ended(folder, lambda child: os.kill(child.pid, signal.SIGTERM))
    assert stopped_by(last) == "a signal: SIGTERM"
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    last = ended(folder, lambda child: os.kill(child.pid, signal.SIGUSR1))
    told = "a signal: SIGUSR1 (from the scheduler: Slurm job 4711)"
    assert stopped_by(last) == told
    found = outcome(folder, RunState(last=last), Status.CANCELLED)
    assert found["ARENA_TUI_CAUSE"] == f"stopped by {told}"


def test_nothing_is_left_of_asking_a_run_that_does_not_hear(folder: RunFolder) -> None:
    assert not ask(folder, Rung.SAVE)
    assert not (folder.path / ".stop").exists()


def test_older_records_know_schedulers_by_their_signals() -> None:
    last = Cancelled(signal="SIGTERM", step=1, kept=None)
    assert stopped_by(last) == "you"
    assert stopped_by(replace(last, signal="SIGUSR1")) == "a scheduler"
