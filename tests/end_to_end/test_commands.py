"""The command line: exit codes, what goes to stdout and what to stderr, and signals, as a script would see them."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from command_line import ARENA_TUI, arena_tui
from queued import until
from tiny_runs import SECONDS, SETTINGS, wait_for

from arena_tui.monitor.text import POLL_SECONDS, PrintedSoFar, follow
from core.profile.load import Change
from core.profile.settings import Profile
from core.runs import events
from core.runs.folder import create_run, list_runs
from core.runs.liveness import is_run_alive
from core.runs.lock import locked
from core.runs.process import describe_this_process
from core.runs.record import Record
from core.runs.state import Status


@pytest.fixture
def profile(tmp_path: Path, checkpoint: Path, train_csv: Path) -> Path:
    path = tmp_path / "mine.toml"
    text = SETTINGS.replace("[model]", f'[model]\ncheckpoint = "{checkpoint}"')
    path.write_text(f'[data]\ntrain = "{train_csv}"\n{text}')
    return path


def test_check_lists_every_problem_and_exits_2(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[train]\nepochs = 0\nseed = -1\n")
    ran = arena_tui("check", "bad.toml", cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert [line.split(": ")[1] for line in ran.stderr.splitlines()] == ["line 2", "line 3"]


def test_check_accepts_a_shipped_profile_from_any_folder(tmp_path: Path) -> None:
    ran = arena_tui("check", "gemma2-9b-qlora", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"cannot be run here yet: data.train: there is no {tmp_path / 'train.csv'}" in ran.stdout
    (tmp_path / "train.csv").touch()
    assert "cannot be run" not in arena_tui("check", "gemma2-9b-qlora", cwd=tmp_path).stdout


@pytest.mark.parametrize("arguments", [["train"], ["sing"], ["check", "no.toml"], ["watch", "no"], ["stop", "no"]])
def test_wrong_usage_exits_2_and_says_why_on_stderr(arguments: list[str], tmp_path: Path) -> None:
    ran = arena_tui(*arguments, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr


def test_the_console_refuses_to_open_without_a_terminal(tmp_path: Path) -> None:
    ran = arena_tui(cwd=tmp_path)
    assert ran.returncode == 2
    assert "needs a terminal on stdin" in ran.stderr


def test_train_json_ends_with_one_line_of_metrics_and_runs_lists_it(profile: Path) -> None:
    ran = arena_tui("train", str(profile), "--json", "--set", "run.name=a b", cwd=profile.parent)
    assert ran.returncode == 0, ran.stderr
    [line] = ran.stdout.splitlines()
    metrics = json.loads(line)
    assert metrics["steps"] == 6
    assert "step 6 of 6" in ran.stderr

    listed = json.loads(arena_tui("runs", "--json", cwd=profile.parent).stdout)
    assert [(run["status"], run["step"], run["log_loss"]) for run in listed] == [("finished", 6, metrics["log_loss"])]
    [folder] = list_runs(profile.parent / "runs")
    assert folder.id.endswith("-a-b")
    assert folder.profile.read_text() == profile.read_text()

    watched = arena_tui("watch", "last", cwd=profile.parent)
    assert watched.returncode == 0
    assert watched.stdout.splitlines()[-1].startswith("finished: evaluation log loss")
    assert arena_tui("stop", "last", cwd=profile.parent).returncode == 1


def test_bad_data_exits_2_with_the_row_in_the_line_that_says_failed(profile: Path, train_csv: Path) -> None:
    broken = profile.parent / "broken.csv"
    broken.write_text(train_csv.read_text().replace('"[""', "\"__import__('os')", 1))
    ran = arena_tui("train", str(profile), "--set", f"data.train={broken}", cwd=profile.parent)
    assert ran.returncode == 2
    [failed] = [line for line in ran.stdout.splitlines() if line.startswith("failed: ")]
    assert f"{broken}, line 2, id 1099511627776, column prompt" in failed


def hear() -> None:
    """A hang-up and Ctrl-C may be ignored here, as under nohup, and would then be in the children too."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def test_ctrl_c_saves_and_stops_and_a_hang_up_leaves_the_run_going(profile: Path) -> None:
    command = [*ARENA_TUI, "train", str(profile), "--set", "train.epochs=500", "--set", "eval.every=100000"]
    follower = subprocess.Popen(command, cwd=profile.parent, stdout=subprocess.PIPE, text=True, preexec_fn=hear)
    assert follower.stdout is not None
    follower.stdout.readline()
    [folder] = list_runs(profile.parent / "runs")
    wait_for(folder, events.Step, step=2)
    follower.send_signal(signal.SIGHUP)
    assert follower.wait() == -signal.SIGHUP
    seen = wait_for(folder, events.Step, step=2)
    assert isinstance(seen, events.Step)
    assert is_run_alive(folder)

    watch = [*ARENA_TUI, "watch", "last"]
    watcher = subprocess.Popen(watch, cwd=profile.parent, stdout=subprocess.PIPE, text=True, preexec_fn=hear)
    assert watcher.stdout is not None
    while not watcher.stdout.readline().startswith("step"):
        pass
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait() == 130
    assert is_run_alive(folder)

    stopped = arena_tui("stop", "last", "--json", cwd=profile.parent)
    assert stopped.returncode == 0
    told = json.loads(stopped.stdout)
    assert (told["id"], told["status"], told["step"] >= 2) == (folder.id, "cancelled", True)
    assert "is kept" in stopped.stderr


def test_a_closed_pipe_ends_the_watcher_quietly_and_not_the_run(profile: Path) -> None:
    ran = arena_tui("train", str(profile), "--detach", "--set", "train.epochs=500", cwd=profile.parent)
    [folder] = list_runs(profile.parent / "runs")
    command = f"{' '.join(ARENA_TUI)} watch {folder.id} | head -1"
    ran = subprocess.run(command, shell=True, cwd=profile.parent, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("reading the rows\n", "")
    assert is_run_alive(folder)
    os.kill(folder.read_info().pid, signal.SIGKILL)  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_ctrl_c_and_a_schedulers_signal_to_train_are_passed_on_and_the_exit_code_comes_back(
    number: signal.Signals, profile: Path
) -> None:
    command = [*ARENA_TUI, "train", str(profile), "--set", "train.epochs=500", "--set", "eval.every=100000"]
    follower = subprocess.Popen(command, cwd=profile.parent, stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    while not follower.stdout.readline().startswith("step"):
        pass
    follower.send_signal(number)
    rest = follower.stdout.read()
    assert follower.wait() == 128 + number
    assert "is kept" in rest.splitlines()[-1]


def test_a_detached_run_outlives_the_command_that_started_it(profile: Path) -> None:
    ran = arena_tui("train", str(profile), "--detach", "--json", "--runs-dir", "elsewhere", cwd=profile.parent)
    assert ran.returncode == 0
    [folder] = list_runs(profile.parent / "elsewhere")
    assert json.loads(ran.stdout) == {"id": folder.id, "folder": str(folder.path)}
    wait_for(folder, events.Finished)

    record = folder.events.read_bytes().splitlines(keepends=True)
    folder.events.write_bytes(b"".join(record[:-1]))  # as if it had been killed just before its last event
    until(lambda: not is_run_alive(folder), "the end of its process")
    resumed = arena_tui("resume", "last", "--json", "--runs-dir", "elsewhere", cwd=profile.parent)
    assert json.loads(resumed.stdout) == json.loads(folder.metrics.read_bytes())
    assert "was complete" in resumed.stderr


def test_a_folder_called_core_in_the_working_directory_does_not_stand_in_for_ours(profile: Path) -> None:
    (profile.parent / "core").mkdir()
    (profile.parent / "core" / "__init__.py").write_text("raise SystemExit('the wrong core')")
    ran = arena_tui("train", str(profile), "--detach", cwd=profile.parent)
    assert ran.returncode == 0, ran.stderr
    [folder] = list_runs(profile.parent / "runs")
    wait_for(folder, events.Started)
    os.kill(folder.read_info().pid, signal.SIGKILL)  # type: ignore[union-attr]


def test_a_runs_folder_that_cannot_be_made_is_an_error_not_a_traceback(profile: Path) -> None:
    (profile.parent / "runs").write_text("a file")
    ran = arena_tui("train", str(profile), cwd=profile.parent)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr


def test_config_prints_a_file_that_says_what_is_read_and_exits_2_where_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_CONFIG", str(tmp_path / "mine.toml"))
    usual = arena_tui("config", cwd=tmp_path)
    assert (usual.returncode, usual.stderr) == (0, "")
    assert "mine.toml (does not exist)" in usual.stdout

    (tmp_path / "mine.toml").write_text(usual.stdout.replace('theme = "dark"', 'theme = "light"'))
    changed = arena_tui("config", cwd=tmp_path)
    assert (changed.returncode, changed.stderr) == (0, "")
    assert 'theme = "light"' in changed.stdout

    (tmp_path / "mine.toml").write_text("[notify]\ncomand = []\n")
    wrong = arena_tui("config", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "mine.toml: line 2: notify.comand: unknown key; did you mean command?" in wrong.stderr


def test_a_run_that_goes_on_is_followed_though_its_process_has_not_said_so_yet(tmp_path: Path) -> None:
    folder = create_run(tmp_path, Profile(), text="", name="x")
    with Record(folder.events) as record:
        record.write(events.Failed(cause="the first time", advice="", exit_code=1))
    told = PrintedSoFar.of_run_to_go_on(folder)
    folder.write_info(describe_this_process(["x"]))  # this process plays the run's
    read, write = os.pipe()
    lines, out = os.fdopen(read), os.fdopen(write, "w")
    with locked(folder.lock), ThreadPoolExecutor() as pool, lines, out:
        following = pool.submit(follow, folder, out, told)
        with pytest.raises(TimeoutError):
            following.result(3 * POLL_SECONDS)
        with Record(folder.events) as record:
            record.write(events.Resumed(step=6, checkpoint="checkpoints/checkpoint-6"))
            record.write(events.Finished(log_loss=0.9, accuracy=0.5))
        assert following.result(SECONDS)[1] is Status.FINISHED
        out.close()
        assert [line.split(" ")[0] for line in lines] == ["resumed", "finished:"]


def test_cause_advice_and_proposals_of_a_failure_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    folder = create_run(tmp_path, Profile(), text="", name="x")
    with Record(folder.events) as record:
        proposed = [Change("train.epochs", 2.0, 1.0)]
        record.write(events.Failed(cause="memory ran out", advice="Train less.", exit_code=1, changes=proposed))
    out = StringIO()
    follow(folder, out)
    assert out.getvalue() == "failed: memory ran out\n  Train less.\n  train.epochs = 1.0 (it was 2.0)\n"
