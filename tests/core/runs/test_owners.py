"""Run folders travel: what lies in one has no process ended, no run called alive, and no other folder touched."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from arena_tui.__main__ import main
from core.profile.settings import Profile
from core.runs import trash
from core.runs.folder import RunFolder, SeveralRuns, choose_run, create_run, find_run, list_runs, run_in
from core.runs.identity import start_ticks
from core.runs.liveness import is_run_alive
from core.runs.lock import is_locked, locked
from core.runs.process import describe_this_process, launch
from core.runs.state import Status, read_run
from core.runs.stopping import Rung, ask, processes
from core.runs.trash import StillInUse, discard

LIVES = """
import subprocess, sys, time
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.lock import locked
from core.runs.process import describe_this_process
folder = RunFolder(Path(sys.argv[-1]))
if "child" in sys.argv:
    subprocess.Popen(["sleep", "600"])
with locked(folder.lock):
    folder.write_info(describe_this_process(sys.argv))
    time.sleep(600)
"""
PROGRAM = (sys.executable, "-P", "-c", LIVES)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def living(runs: Path) -> Iterator[RunFolder]:
    """A run whose process lives, and a process that it has started."""
    folder = create_run(runs, Profile(), text="", name="living")
    child = launch(folder, (*PROGRAM, "child"))
    yield folder
    for pid in processes(folder):
        os.kill(pid, 9)
    child.wait()


@contextmanager
def process(*command: str, cwd: Path | None = None) -> "Iterator[subprocess.Popen[bytes]]":
    """A process in a session of its own, which ends with the block whatever comes of that."""
    with subprocess.Popen(command, cwd=cwd, start_new_session=True) as started:
        try:
            yield started
        finally:
            started.kill()


def copy_of(folder: RunFolder, target: Path) -> RunFolder:
    shutil.copytree(folder.path, target)
    return RunFolder(target)


@pytest.mark.parametrize("rung", Rung)
def test_the_copy_of_a_living_run_is_no_living_run_and_asking_it_to_end_ends_nothing(
    living: RunFolder, tmp_path: Path, rung: Rung
) -> None:
    copy = copy_of(living, tmp_path / "elsewhere" / living.id)  # the same id, too
    assert is_run_alive(living)
    assert len(processes(living)) == 2
    assert is_run_alive(copy) is False
    assert read_run(copy)[1] is Status.LOST
    assert processes(copy) == []
    assert not ask(copy, rung)
    assert is_run_alive(living)
    assert len(processes(living)) == 2


def test_a_living_run_whose_folder_is_renamed_is_the_same_run(living: RunFolder) -> None:
    moved = RunFolder(living.path.rename(living.path.with_name("renamed")))
    assert is_run_alive(moved)
    assert len(processes(moved)) == 2
    assert ask(moved, Rung.KILL)
    while processes(moved):
        time.sleep(0.02)


@pytest.mark.parametrize("rung", Rung)
@pytest.mark.parametrize("ticks", [True, False])
def test_a_forged_run_json_has_no_process_of_the_users_ended(runs: Path, rung: Rung, ticks: bool) -> None:
    folder = create_run(runs, Profile(), text="", name="forged")
    editor = [sys.executable, "-c", "import time; time.sleep(600)", str(folder.path)]
    with process(*editor) as other:
        me = describe_this_process(["x"])
        mine = start_ticks(other.pid) if ticks else None
        folder.write_info(replace(me, pid=other.pid, start_ticks=mine, process_started=time.time()))
        folder.lock.symlink_to(sys.executable)  # a file that the other has open, as if it were its lock
        assert is_run_alive(folder) is False
        assert processes(folder) == []
        assert not ask(folder, rung)
        assert other.poll() is None


def test_a_run_started_by_hand_is_known_by_its_lock_and_its_command_line(runs: Path) -> None:
    folder = create_run(runs, Profile(), text="", name="by-hand")
    with process(*PROGRAM, folder.id, cwd=runs):
        while folder.read_info() is None:
            time.sleep(0.02)
        assert is_run_alive(folder)
        folder.lock.unlink()
        assert is_run_alive(folder) is False, "no engine, and no lock: any program could be that"


def test_the_engine_is_known_by_its_command_line_where_nothing_else_tells(runs: Path) -> None:
    folder = create_run(runs, Profile(), text="", name="by-name")
    copy = copy_of(folder, runs / "copy")
    # as its command line stands in the system's list; what it does is wait
    engine = [sys.executable, "-c", "import time; time.sleep(600)", "-m", "core.train", folder.id]
    with process(*engine, cwd=runs) as child:
        info = replace(describe_this_process(["x"]), pid=child.pid, start_ticks=start_ticks(child.pid))
        for one, alive in ((folder, True), (copy, False)):
            one.write_info(info)
            assert is_run_alive(one) is alive


def test_nothing_signals_its_own_process(runs: Path) -> None:
    folder = create_run(runs, Profile(), text="", name="mine")
    folder.write_info(describe_this_process(["x"]))
    with folder.lock.open("a+b"):
        assert is_run_alive(folder)
        assert not any(ask(folder, rung) for rung in Rung)


HOUR = 3600


@pytest.mark.parametrize("ahead", [HOUR, 24 * 365 * HOUR])
def test_a_folder_made_in_the_future_is_not_about_to_start_for_ever(runs: Path, ahead: int) -> None:
    folder = create_run(runs, Profile(), text="", name="future")
    assert is_run_alive(folder) is None, "it may be just starting"
    os.utime(folder.resolved, (time.time() + ahead,) * 2)
    assert is_run_alive(folder) is False
    assert read_run(folder)[1] is Status.PREPARED
    with locked(folder.lock):
        assert is_run_alive(folder) is None, "somebody is at work there"


def test_a_file_server_that_is_some_seconds_ahead_does_not_make_a_starting_run_lost(runs: Path) -> None:
    folder = create_run(runs, Profile(), text="", name="ahead")
    os.utime(folder.resolved, (time.time() + 5,) * 2)
    assert is_run_alive(folder) is None


def refused(*arguments: str) -> bool:
    return main(list(arguments)) == 2


def test_a_name_that_is_empty_or_fits_several_runs_has_none_of_them_changed(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARENA_TUI_RUNS", str(runs))
    for name in ("one-x", "two-x"):
        create_run(runs, Profile(), text="", name=name)
    monkeypatch.chdir(list_runs(runs)[0].path)  # where an empty path would be that of a run
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    for wanted in ("", "x"):
        for command in ("stop", "resume", "retry", "delete"):
            assert refused(command, wanted), command
        assert refused("rename", wanted, "other")
        assert refused("note", wanted, "text")
        assert refused("prune", wanted)
        assert refused("export", wanted, "--merged", "out")
        assert refused("predict", wanted, "demo")
        assert refused("trash", "--put-back", wanted)
    assert refused("watch", "")
    assert refused("curves", "")
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before
    told = capsys.readouterr().err
    assert "the name of the run is empty" in told
    assert "x matches several runs: " in told
    assert main(["curves", "x"]) == 0, "looking takes the newest"
    assert main(["note", "last", "text"]) == 0
    assert main(["note", "one-x", "text"]) == 0
    assert main(["note", ".", "text"]) == 0, "a path to a run in its runs folder"


def test_a_run_of_exactly_that_name_is_meant_though_other_names_hold_it(runs: Path) -> None:
    meant, other = (create_run(runs, Profile(), text="", name=name) for name in ("demo-fold-0", "demo-fold-0-average"))
    assert choose_run(runs, "demo-fold-0").id == find_run(runs, "demo-fold-0").id == meant.id
    assert choose_run(runs, "average").id == choose_run(runs, other.id).id == other.id
    with pytest.raises(SeveralRuns):
        choose_run(runs, "fold-0")
    copy_of(meant, runs / "20200101-120000-demo-fold-0")
    with pytest.raises(SeveralRuns, match="demo-fold-0, 20200101-120000-demo-fold-0"):
        choose_run(runs, "demo-fold-0")


def test_what_is_no_plain_folder_of_the_runs_folder_is_no_run(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_TUI_RUNS", str(runs))
    run = create_run(runs, Profile(), text="", name="real")
    away = copy_of(run, tmp_path / "away")
    for folder in (runs, runs / ".hidden", tmp_path):
        folder.mkdir(exist_ok=True)
        shutil.copy(run.resolved, folder)
    (runs / "link").symlink_to(away.path)
    assert [one.id for one in list_runs(runs)] == [run.id]
    for name in ("", ".", "..", ".hidden", "link", f"{run.id}/", f"../runs/{run.id}", "x" * 300, "nothing"):
        with pytest.raises(LookupError):
            run_in(runs, name)
    for path in (runs / "link", runs / ".hidden"):
        with pytest.raises(LookupError):
            choose_run(runs, str(path))
        assert find_run(runs, str(path)).path == path, "it may be looked at"
    assert run_in(runs, run.id).path == choose_run(runs, f"{run.path}/.").path == run.path


def test_a_run_in_the_trash_is_put_back_by_name_and_otherwise_left_alone(
    runs: Path, monkeypatch: pytest.MonkeyPatch, living: RunFolder
) -> None:
    monkeypatch.setenv("ARENA_TUI_RUNS", str(runs))
    deleted = create_run(runs, Profile(), text="", name="deleted")
    os.utime(deleted.resolved, (0, 0))
    deleted = discard(deleted)
    assert refused("trash", "--put-back", str(living.path))
    assert living.path.exists()
    for command in (["delete", "--yes"], ["resume"], ["stop"]):
        assert refused(*command, str(deleted.path))
    assert main(["trash", "--put-back", deleted.id]) == 0
    assert (runs / deleted.id).exists()


TAKES = """
import fcntl, os, sys
try:
    lock = os.open(sys.argv[1], os.O_RDONLY)
except PermissionError:
    sys.exit(13)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def as_nobody(*command: str) -> list[str]:
    """`command` as a user without rights, who may read what everybody may."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("becoming another user takes root and setpriv")
    return ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", *command]


def open_to_all(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents):
        if place.is_relative_to(tempfile.gettempdir()) and place != Path(tempfile.gettempdir()):
            place.chmod(0o755)


def takes(lock: Path) -> int:
    """The exit code of another user's process that takes the lock: it may read what lies there."""
    held = subprocess.run(as_nobody("/usr/bin/env", "python3", "-c", TAKES, str(lock)), input=b"\n", check=False)
    return held.returncode


def test_who_may_only_read_a_run_cannot_hold_its_lock(runs: Path, tmp_path: Path) -> None:
    open_to_all(tmp_path)
    run = create_run(runs, Profile(), text="", name="read")
    run.path.chmod(0o755)
    run.lock.touch(0o644)  # as earlier versions made it
    assert takes(run.lock) == 0
    for lock in (run.lock, run.readers):
        with locked(lock) as is_ours:
            assert is_ours
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert takes(lock) == 13


@pytest.mark.parametrize(("folder", "mode"), [(0o755, 0o600), (0o2775, 0o660), (0o777, 0o666)])
def test_a_lock_is_for_those_who_may_write_to_its_folder(tmp_path: Path, folder: int, mode: int) -> None:
    tmp_path.chmod(folder)
    with locked(tmp_path / "lock"):
        pass
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == mode


@pytest.mark.slow
def test_a_refusal_says_who_holds_the_lock_and_since_when(runs: Path) -> None:
    run = create_run(runs, Profile(), text="", name="held")
    os.utime(run.resolved, (0, 0))
    holds = "from pathlib import Path; from core.runs.lock import locked\n"
    holds += f"with locked(Path({str(run.lock)!r})):\n    print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        who = f"process {process.pid} of {psutil.Process().username()}, which began at 20"
        with pytest.raises(StillInUse, match=f"still at work: {who}"), trash.held(run):
            pass
        process.kill()
    with trash.held(run):
        pass


def test_a_lock_that_is_not_ours_to_open_or_none_at_all_is_a_sentence(runs: Path, tmp_path: Path) -> None:
    run = create_run(runs, Profile(), text="", name="x")
    for make, told in (
        (lambda: run.lock.symlink_to("/etc/passwd"), "a link, not"),
        (lambda: os.mkfifo(run.lock), "not a regular file, so not"),
    ):
        make()
        with pytest.raises(OSError, match=f"{run.lock} is {told} a lock: delete it"), locked(run.lock):
            pass
        assert is_locked(run.lock) in (None, False)
        run.lock.unlink()
    open_to_all(tmp_path)
    run.path.chmod(0o777)
    run.lock.touch(0o600)
    tries = f"from pathlib import Path; from core.runs.lock import locked\nwith locked(Path({str(run.lock)!r})): pass"
    rights = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")  # Python may lie in root's home
    command = as_nobody(*rights, sys.executable, "-P", "-c", tries)
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert f"the lock {run.lock} belongs to root and you cannot write to it" in told
