"""Ctrl-C and SIGTERM at the worst moment of a command: the exit code says so, and nothing is left at work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tiny_runs import SECONDS, SETTINGS

from core.runs.folder import list_runs
from core.runs.state import Status, read_run

ARENA_TUI = [sys.executable, "-P", "-m", "arena_tui"]


@pytest.fixture
def profile(tmp_path: Path, checkpoint: Path, train_csv: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "mine.toml"
    text = SETTINGS.replace("[model]", f'[model]\ncheckpoint = "{checkpoint}"')
    path.write_text(f'[data]\ntrain = "{train_csv}"\n{text}')
    return path


def start(arguments: Sequence[str], cwd: Path) -> "subprocess.Popen[str]":
    """A command in a process group of its own, as a shell starts it; signals that are ignored here are not there."""

    def hear() -> None:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    return subprocess.Popen(
        [*ARENA_TUI, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear,
    )


def child_of(command: "subprocess.Popen[str]", module: str) -> psutil.Process:
    """The engine's process that the command has started, as soon as there is one."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for child in psutil.Process(command.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if module in child.cmdline():
                    return child
        time.sleep(0.005)
    pytest.fail(f"no {module} was started")


def wait_until_it_polls(process: psutil.Process | None) -> None:
    """Until it looks again and again, and sleeps in between, for a child that says nothing."""
    assert process is not None
    seen, deadline = process.num_ctx_switches().voluntary, time.monotonic() + SECONDS
    while process.num_ctx_switches().voluntary < seen + 5:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_over(process: psutil.Process) -> bool:
    """Whether it does nothing any more; who inherits it may never look at how it ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("arguments", [["train"], ["train", "--detach"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_run_says_who_it_is_reaches_it_all_the_same(
    arguments: list[str], number: signal.Signals, profile: Path
) -> None:
    command = start([*arguments, str(profile), "--set", "train.epochs=500"], profile.parent)
    child = child_of(command, "core.train")
    child.suspend()
    [folder] = list_runs(profile.parent / "runs")
    assert folder.read_info() is None
    os.killpg(command.pid, number)
    with pytest.raises(subprocess.TimeoutExpired):
        command.wait(0.5)  # it waits for the run, which it must not leave
    child.resume()
    _, errors = command.communicate(timeout=SECONDS)
    assert (command.returncode, errors) == (128 + number, "")
    assert is_over(child)
    state, status = read_run(folder)
    assert status is Status.CANCELLED
    assert state.started is None, "it went on loading as if it had heard nothing"


@pytest.mark.parametrize("name", ["inspect", "plan"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_and_the_process_it_has_asked(name: str, number: signal.Signals, profile: Path) -> None:
    command = start([name, str(profile)], profile.parent)
    child = child_of(command, f"core.{name}")
    if number is signal.SIGINT:
        os.killpg(command.pid, number)  # as a terminal does
    else:
        command.send_signal(number)
    _, errors = command.communicate(timeout=SECONDS)
    assert (command.returncode, errors) == (128 + number, "")
    assert is_over(child)


def test_a_measurement_that_was_just_begun_ends_with_the_plan(profile: Path) -> None:
    command = start(["plan", str(profile), "--measure"], profile.parent)
    measured = child_of(command, "core.train")
    measured.suspend()
    wait_until_it_polls(measured.parent())
    os.killpg(command.pid, signal.SIGINT)
    command.communicate(timeout=SECONDS)
    assert command.returncode == 130
    assert is_over(measured)


def test_an_engine_that_is_killed_is_no_plan_that_went_well(profile: Path) -> None:
    command = start(["plan", str(profile)], profile.parent)
    child_of(command, "core.plan").kill()
    told, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 1
    assert "ended by SIGKILL" in told + errors
