"""Locks without flock(2) among processes that cannot see one another, as on two machines: the heartbeat tells."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROCESS = """
import errno, fcntl, sys, time
from core.runs import lease
from core.runs.identity import Identity
from core.runs.lock import is_locked, locked
from msgspec.structs import replace
from pathlib import Path
def none(*_):
    raise OSError(errno.ENOSYS, "none")
fcntl.flock = none
lease.HEARTBEAT_SECONDS, lease.LOST_SECONDS = 0.1, float(sys.argv[4])
me = replace(Identity.of_this_process(), host=sys.argv[2], boot_id=sys.argv[2])
Identity.of_this_process = lambda: me
ahead = float(sys.argv[3])
clock = time.time
time.time = lambda: clock() + ahead
lock = Path(sys.argv[1])
while line := sys.stdin.readline():
    if line == "look\\n":
        print(is_locked(lock), flush=True)
        continue
    with locked(lock) as is_ours:
        print(is_ours, flush=True)
        if is_ours:
            sys.stdin.readline()
"""
"""On a machine of its own, whose name and whose clock's error it is told, and after how many seconds silence counts."""

Machine = Callable[..., "Process"]


class Process:
    def __init__(self, lock: Path, name: str, ahead: float, lost: float) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-P", "-c", PROCESS, str(lock), name, str(ahead), str(lost)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def asked(self, word: str) -> str:
        assert self.child.stdin and self.child.stdout
        print(word, file=self.child.stdin, flush=True)
        assert select.select([self.child.stdout], [], [], 30)[0]
        return self.child.stdout.readline().strip()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    processes = []

    def start(name: str, *, ahead: float = 0, lost: float = 1) -> Process:
        processes.append(Process(tmp_path / "lock", name, ahead, lost))
        return processes[-1]

    yield start
    for process in processes:
        process.child.kill()
        process.child.communicate()


def files(lock: Path) -> list[Path]:
    return list(lock.parent.glob("lock.held-*"))


def wait_for_beats(lock: Path, seconds: float) -> None:
    """Until the holder has been heard of for so long."""
    (file,) = files(lock)
    since, deadline = file.stat().st_mtime, time.monotonic() + 30
    while file.stat().st_mtime < since + seconds:
        assert time.monotonic() < deadline, "it is not heard of"
        time.sleep(0.02)


def test_a_holder_elsewhere_keeps_others_out_while_it_is_heard_of_whatever_their_clocks_say(
    tmp_path: Path, machine: Machine
) -> None:
    lock = tmp_path / "lock"
    first = machine("one", ahead=-86_400)
    assert first.asked("hold") == "True"
    wait_for_beats(lock, 1.2)
    for second in (machine("two", ahead=86_400), machine("three")):
        assert second.asked("look") == "None", "somebody may hold it"
        assert second.asked("hold") == "False"
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"lock"}


def test_a_holder_elsewhere_that_has_died_is_passed_over_once_it_was_silent_for_long(
    tmp_path: Path, machine: Machine
) -> None:
    lock = tmp_path / "lock"
    first, second, patient = machine("one"), machine("two"), machine("three", lost=3600)
    assert first.asked("hold") == "True"
    first.child.kill()
    first.child.wait()
    assert patient.asked("hold") == "False"
    deadline = time.monotonic() + 30
    while second.asked("look") != "False":
        assert time.monotonic() < deadline
    assert files(lock) == []
    assert second.asked("hold") == "True"


def test_a_holder_that_lay_still_and_comes_back_ends_where_another_has_the_lock(
    tmp_path: Path, machine: Machine
) -> None:
    lock = tmp_path / "lock"
    first, second = machine("one"), machine("two")
    assert first.asked("hold") == "True"
    os.kill(first.child.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 30
    while second.asked("hold") != "True":
        assert time.monotonic() < deadline
    os.kill(first.child.pid, signal.SIGCONT)
    assert first.child.wait(30) == -signal.SIGKILL
    assert first.child.stderr is not None
    assert "another process has the lock" in first.child.stderr.read()
    assert len(files(lock)) == 1


def test_a_holder_that_lay_still_and_was_only_looked_at_has_the_lock_as_before(
    machine: Machine, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    first, second = machine("one"), machine("two", lost=1)
    assert first.asked("hold") == "True"
    os.kill(first.child.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 30
    while second.asked("look") != "False":  # and the file is deleted
        assert time.monotonic() < deadline
    os.kill(first.child.pid, signal.SIGCONT)
    while not files(lock):
        assert time.monotonic() < deadline
    assert second.asked("hold") == "False"
    assert first.child.poll() is None
