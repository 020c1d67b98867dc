"""What tells the end of a run: the user's own command, by the run itself, with no console open."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tiny_runs import Start, wait_for

from core.config import CONFIG_VARIABLE
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.runs import events, notify
from core.runs.folder import RunFolder, create_run
from core.runs.process import LaunchError, launch
from core.runs.protocol import NOTIFIER
from core.runs.record import Record

TELL = """
import json, os, sys
found = {name: value for name, value in os.environ.items() if name.startswith("ARENA_TUI_")}
open(sys.argv[1], "w").write(json.dumps(found))
"""
HOSTILE = "$(touch pwned) `touch pwned`; touch pwned & \x1b[2J\nARENA_TUI_STATUS=finished \x00 \udcff [red]"


class Told:
    """The configuration of a command that writes down what it is told, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.config, self.written = folder / "config.toml", folder / "told.json"
        self.command([sys.executable, "-c", TELL, str(self.written)])

    def command(self, words: list[str]) -> None:
        self.config.write_text(f"[notify]\ncommand = {json.dumps(words)}\n")

    def wait(self) -> dict[str, str]:
        until(lambda: self.written.exists() and self.written.read_text().endswith("}"), "the command")
        found: dict[str, str] = json.loads(self.written.read_text())
        return found


def until(holds: Callable[[], object], what: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, str(told.config))
    return told


@pytest.fixture
def ended(tmp_path: Path) -> RunFolder:
    """A run that has failed of something hostile."""
    folder = create_run(tmp_path / "runs", Profile(), text="", name="hostile")
    folder.console_log.touch()
    with Record(folder.events) as record:
        record.write(events.Phase(phase="loading", time=100.0))
        cause = HOSTILE.replace("\udcff", "?")  # JSON holds no lone surrogate
        record.write(events.Failed(cause=cause, advice="x" * 1_000_000, exit_code=1, time=161.0))
    return folder


def test_a_finished_run_tells_its_log_loss_with_no_console_open(start: Start, told: Told) -> None:
    folder, child = start()
    assert child.wait() == 0
    found = told.wait()
    assert found["ARENA_TUI_RUN"] == folder.id
    assert found["ARENA_TUI_STATUS"] == "finished"
    assert found["ARENA_TUI_FOLDER"] == str(folder.path)
    metrics = json.loads(folder.metrics.read_bytes())
    assert float(found["ARENA_TUI_LOG_LOSS"]) == pytest.approx(metrics["log_loss"], abs=1e-4)
    assert int(found["ARENA_TUI_DURATION"]) >= 0
    assert found["ARENA_TUI_CAUSE"] == ""


def test_a_run_that_fails_tells_why(start: Start, told: Told) -> None:
    folder, child = start("data.train=nowhere.csv")
    assert child.wait() == 2
    found = told.wait()
    assert found["ARENA_TUI_STATUS"] == "failed"
    assert "nowhere.csv" in found["ARENA_TUI_CAUSE"]
    assert found["ARENA_TUI_LOG_LOSS"] == ""
    assert "notification" not in folder.console_log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=["save", "now"])
def test_a_run_that_is_stopped_tells_so_at_once_too(start: Start, told: Told, number: signal.Signals) -> None:
    folder, child = start("train.epochs=500", "eval.every=100000")
    wait_for(folder, events.Step)
    child.send_signal(number)
    child.wait()
    assert told.wait()["ARENA_TUI_STATUS"] == "cancelled"


def test_a_run_that_never_began_tells_so(tmp_path: Path, told: Told) -> None:
    folder = create_run(tmp_path / "runs", Profile(), text="", name="never")
    with pytest.raises(LaunchError):
        launch(folder, ["/bin/false"])
    assert "exit code 1" in told.wait()["ARENA_TUI_CAUSE"]


def test_hostile_words_of_a_run_are_values_and_nothing_else(ended: RunFolder, told: Told, tmp_path: Path) -> None:
    subprocess.run([*NOTIFIER, str(ended.path)], check=True, cwd=tmp_path)
    found = told.wait()
    assert found["ARENA_TUI_STATUS"] == "failed"
    assert found["ARENA_TUI_DURATION"] == "61"
    assert found["ARENA_TUI_CAUSE"].startswith("$(touch pwned) `touch pwned`; touch pwned &  [2J ARENA_TUI_STATUS")
    assert len(found["ARENA_TUI_ADVICE"]) == notify.LONGEST
    assert all(value.isprintable() for value in found.values())
    assert not list(tmp_path.glob("**/pwned"))


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        (["/nowhere/[red]x"], "cannot be started"),
        (["/bin/false"], "ended with exit code 1"),
        (["nul\x00"], "cannot be started"),
    ],
)
def test_a_command_that_fails_is_a_warning_in_the_log(
    ended: RunFolder, told: Told, command: list[str], sign: str
) -> None:
    told.command(command)
    notify.notify(ended)
    until(lambda: sign in ended.console_log.read_text(), sign)


def test_a_command_that_hangs_holds_neither_the_run_nor_outlives_its_time(
    start: Start, told: Told, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    told.command(["/bin/sh", "-c", f"echo $$ > {pid_file}; sleep 1000 & wait"])
    folder, child = start("data.train=nowhere.csv")
    until(lambda: pid_file.exists() and pid_file.read_text().strip(), "the command")
    assert child.wait(notify.SECONDS / 2) == 2
    hanging = psutil.Process(int(pid_file.read_text()))
    group = [hanging, *hanging.children()]
    assert len(group) == 2
    until(lambda: not any(process.is_running() for process in group), "its end", notify.SECONDS + 15)
    until(lambda: "was killed after" in folder.console_log.read_text(), "the warning")


@pytest.mark.slow
@pytest.mark.parametrize("alone", ["", "setsid "], ids=["", "in a session of its own"])
def test_what_a_command_leaves_behind_does_not_outlive_its_time_either(
    ended: RunFolder, told: Told, tmp_path: Path, alone: str
) -> None:
    pid_file = tmp_path / "pid"
    told.command(["/bin/sh", "-c", f"{alone}sh -c 'echo $$ > {pid_file}; exec sleep 1000' &"])
    soon = "import sys; from core.runs import notify; notify.SECONDS = 2; sys.exit(notify.main(sys.argv[1:]))"
    notifier = subprocess.run([sys.executable, "-c", soon, str(ended.path)], capture_output=True, text=True)
    assert (notifier.returncode, "was killed after 2 s" in notifier.stdout) == (1, True)
    left = int(pid_file.read_text())
    until(lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE, "its end", 10)


def test_without_a_command_nothing_is_started(ended: RunFolder, told: Told) -> None:
    told.config.unlink()
    before = {child.pid for child in psutil.Process().children()}
    notify.notify(ended)
    assert {child.pid for child in psutil.Process().children()} == before


def test_a_profile_cannot_name_a_command() -> None:
    with pytest.raises(Exception, match=r"line 1: notify: a profile may come from a stranger: .* your own config"):
        parse_profile('[notify]\ncommand = ["rm"]\n', source="stranger.toml")
    with pytest.raises(Exception, match=r"run\.notify: a profile may come from a stranger"):
        parse_profile('[run]\nnotify = "rm"\n', source="stranger.toml")
