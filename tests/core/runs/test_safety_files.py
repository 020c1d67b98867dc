"""Run folders of strangers: nothing is written, cut off, replaced or deleted through a link, and nothing hangs."""

import io
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tiny_runs import SECONDS, SETTINGS, Start, halting, wait_for, wait_until_halted

from arena_tui.monitor.text import follow
from arena_tui.runs.panes import LogTail
from core.predict.actions import create_prediction, settle
from core.predict.errors import PredictionError, demand_whole
from core.predict.folder import PredictionFolder, list_predictions, trashed_predictions
from core.predict.request import CannotPredict, Member, Request, choose_members
from core.predict.store import LogitStore
from core.profile.load import parse_profile
from core.runs import events
from core.runs.checkpoints import carry_out, checkpoints, delete_after, disk_use, plan, written_aside
from core.runs.events import Failed
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.lock import locked
from core.runs.notes import write_notes
from core.runs.process import LaunchError, describe_this_process, launch
from core.runs.queue import Queue
from core.runs.record import Record, Tail
from core.runs.seal import MANIFEST, seal
from core.runs.state import Status
from core.runs.trash import delete_for_good, discard, put_back, trashed

TREASURE = b"ssh-ed25519 AAAA of the user's own\n"
PROFILE = parse_profile(SETTINGS, source="tiny", overrides=["data.train=train.csv"])


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the user's own, which lies below no runs folder."""
    folder = tmp_path / "elsewhere"
    (folder / "checkpoint-2").mkdir(parents=True)
    for path in (folder / "treasure", folder / "checkpoint-2" / "treasure"):
        path.write_bytes(TREASURE)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that failed after two checkpoints."""
    folder = create_run(tmp_path / "runs", PROFILE, text=SETTINGS, name="stranger")
    for step in (2, 4):
        with written_aside(folder.checkpoints, step) as aside:
            (aside / f"checkpoint-{step}").mkdir()
            (aside / f"checkpoint-{step}" / "weights").write_bytes(bytes(64))
    folder.adapter.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (folder.adapter / name).write_bytes(b"{}")
    ended(folder)
    return folder


def ended(folder: RunFolder) -> None:
    with Record(folder.events) as record:
        record.write(Failed(cause="it was to fail", advice="", exit_code=1))
    gone = msgspec.structs.replace(describe_this_process(["train"]), pid=2**22 + 1)
    folder.write_info(gone)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_link(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def request(folder: RunFolder) -> Request:
    return Request(members=[Member(str(folder.path), str(folder.adapter), 1.0)], test="rows.csv")


def save_checkpoint(folder: RunFolder) -> None:
    with written_aside(folder.checkpoints, 6) as aside:
        (aside / "checkpoint-6").mkdir()


def record(folder: RunFolder) -> None:
    with Record(folder.events) as writer:
        writer.write(events.Phase(phase="loading"))


def take_lock(folder: RunFolder) -> None:
    with locked(folder.lock):
        pass


def queue(folder: RunFolder) -> None:
    Queue(folder.path.parent).add(PROFILE, text=SETTINGS, name="next")


def pause(folder: RunFolder) -> None:
    Queue(folder.path.parent).pause()


def failed_prediction(run: RunFolder) -> PredictionFolder:
    folder = PredictionFolder(run.predictions / "20260131-140000-rows")
    folder.path.mkdir(exist_ok=True)
    ended(folder)
    return folder


Act = Callable[[RunFolder], object]
OF_A_RUN: list[tuple[str, str, Act]] = [
    ("console.log", "treasure", lambda run: launch(run, (sys.executable, "-c", "print('a line')"))),
    ("events.jsonl", "treasure", record),
    ("events.jsonl", "new", record),
    (".room", "treasure", record),
    (".room", "new", record),
    (".lock", "new", take_lock),
    (".readers", "new", discard),
    ("notes.toml", "treasure", lambda run: write_notes(run, note="mine")),
    ("checkpoints", ".", save_checkpoint),
    ("checkpoints", ".", lambda run: carry_out(plan(run, keep=0))),
    ("checkpoints", ".", lambda run: delete_after(run.checkpoints, 0)),
    ("predictions", ".", lambda run: create_prediction(request(run))),
    ("predictions", ".", lambda run: settle(request(run))),
    ("predictions/scores", ".", lambda run: LogitStore(run.predictions / "scores" / "run_1", 3, 3)),
    ("../.queue", ".", queue),
    ("../.queue", ".", pause),
    ("../.trash", ".", discard),
    ("predictions/.trash", ".", lambda run: discard(failed_prediction(run))),
]


@pytest.mark.parametrize(("name", "target", "act"), OF_A_RUN)
def test_a_link_in_a_stranger_s_run_leads_nothing_out_of_it(
    name: str, target: str, act: Act, run: RunFolder, elsewhere: Path
) -> None:
    before, path = content(elsewhere), run.path / name
    path.parent.mkdir(exist_ok=True)
    put_link(path, elsewhere / target)
    folders = sorted(elsewhere.rglob("*"))
    try:
        act(run)
    except (OSError, LaunchError) as error:
        assert "a link" in str(error)
    assert content(elsewhere) == before
    assert sorted(elsewhere.rglob("*")) == folders


def test_a_trash_of_predictions_behind_a_link_is_neither_listed_nor_emptied(run: RunFolder, elsewhere: Path) -> None:
    theirs = elsewhere / ".trash" / "20260131-140000-rows"
    theirs.mkdir(parents=True)
    (theirs / "request.json").write_bytes(TREASURE)
    put_link(run.predictions, elsewhere)
    lying = PredictionFolder(run.predictions / ".trash" / theirs.name)
    assert trashed_predictions(run.path.parent) == []
    for act in (delete_for_good, put_back):
        with pytest.raises(OSError, match="a link"):
            act(lying)
    assert (theirs / "request.json").read_bytes() == TREASURE


def test_a_run_that_is_itself_a_link_is_written_to_by_its_own_path_only(run: RunFolder, tmp_path: Path) -> None:
    shared = create_run(tmp_path / "shared", PROFILE, text=SETTINGS, name="theirs")
    link = RunFolder(run.path.parent / "20260101-000000-link")
    link.path.symlink_to(shared.path)
    before = content(shared.path)
    with pytest.raises(OSError, match="a link"):
        record(link)
    with pytest.raises(OSError, match="a link"):
        write_notes(link, note="mine")
    assert content(shared.path) == before


def test_a_runs_folder_that_the_user_has_linked_works_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    runs = tmp_path / "runs"
    runs.symlink_to(tmp_path / "big disk")
    folder = create_run(runs, PROFILE, text=SETTINGS, name="mine")
    save_checkpoint(folder)
    ended(folder)
    write_notes(folder, note="mine")
    waiting = Queue(runs).add(PROFILE, text=SETTINGS, name="next")
    assert Queue(runs).place(waiting) == 1
    assert [one.id for one in trashed(runs)] == []
    deleted = discard(folder)
    assert [one.id for one in trashed(runs)] == [folder.id]
    assert put_back(deleted).path == folder.path
    assert [kept.problem for kept in checkpoints(folder.checkpoints)] == [None]


def test_links_among_what_libraries_read_are_refused(run: RunFolder, elsewhere: Path) -> None:
    put_link(run.adapter / "adapter_config.json", elsewhere / "treasure")
    with pytest.raises(CannotPredict, match=r"adapter_config\.json: a link"):
        choose_members([run])
    put_link(run.checkpoints / "checkpoint-2" / "weights", elsewhere / "treasure")
    (run.checkpoints / "checkpoint-4" / MANIFEST).write_text('{"../../../../elsewhere/treasure": 35}')
    four, two = checkpoints(run.checkpoints)
    assert four.problem is not None
    assert "not a file in this folder" in four.problem
    assert two.problem is not None
    assert two.problem.startswith("checkpoint-2/weights: a link")
    put_link(run.predictions, elsewhere)
    (elsewhere / "p").mkdir()
    (elsewhere / "p" / "request.json").write_bytes(msgspec.json.encode(request(run)))
    assert list_predictions(run) == []


SPECIAL = ("fifo", "zero", "socket", "huge", "device")


def put_special(kind: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "zero":
            path.symlink_to("/dev/zero")
        case "socket":
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(os.path.relpath(path))  # a socket's path is short
        case "huge":
            with path.open("wb") as file:
                file.truncate(1 << 42)  # without a block on disk
        case "device":
            try:
                os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
            except PermissionError:
                pytest.skip("making a device takes root")


def arena_tui(*arguments: str, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "arena_tui", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECIAL)
def test_special_files_in_one_run_neither_hang_nor_hide_the_others(
    kind: str, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.path.parent)
    monkeypatch.setenv("ARENA_TUI_CACHE", str(run.path.parent.parent / "cache"))
    good = create_run(run.path.parent, PROFILE, text=SETTINGS, name="good")
    ended(good)
    for name in ("run.json", "events.jsonl", "notes.toml", "metrics.json", "console.log", "profile.toml", ".lock"):
        put_special(kind, run.path / name)
    (run.path.parent / ".queue").mkdir()
    put_special(kind, run.path.parent / ".queue" / f"{run.id}.json")
    listed = arena_tui("runs", "--runs-dir", str(run.path.parent))
    assert listed.returncode == 0, listed.stderr
    assert good.id in listed.stdout
    assert run.id in listed.stdout
    with pytest.raises(OSError, match=r"a link|not a regular file|larger than"):
        Tail(run.events).read()
    put_special(kind, run.resolved)
    resumed = arena_tui("resume", run.id, "--runs-dir", str(run.path.parent))
    assert resumed.returncode in (1, 2)
    assert "Traceback" not in resumed.stderr


def test_a_record_without_line_ends_is_read_in_bounded_memory(run: RunFolder) -> None:
    with run.events.open("wb") as file:
        file.truncate(64 << 20)
    tail = Tail(run.events)
    assert tail.read() == []
    assert tail.unreadable > 0


@pytest.mark.parametrize("kind", ["fifo", "zero", "socket", "device"])
def test_the_file_that_a_record_names_for_the_kernel_s_count_hangs_nobody(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put_special(kind, tmp_path / "memory.events")
    code = "from core.machine.system import oom_kills; print(oom_kills(Path('memory.events')))"
    command = f"from pathlib import Path; {code}"
    asked = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert asked.stdout == "None\n"


def test_the_size_of_a_link_is_not_that_of_what_it_means(run: RunFolder, elsewhere: Path) -> None:
    assert disk_use(run).checkpoints > 0
    put_link(run.checkpoints, elsewhere)
    assert disk_use(run).checkpoints == 0


def let_go_on(child: "subprocess.Popen[bytes]") -> None:
    """Until it ends: it halts each time that it comes to its place."""
    is_halted = True
    while is_halted:
        os.kill(child.pid, signal.SIGCONT)
        how = os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        is_halted = how is not None and how.si_code == os.CLD_STOPPED


LONG = ("train.epochs=500", "train.save_steps=100000", "eval.every=100000")


def test_a_run_whose_folder_is_renamed_ends_saved_at_the_new_place(start: Start, elsewhere: Path) -> None:
    folder, child = start(*LONG)
    wait_for(folder, events.Step, step=2)
    before = content(elsewhere)
    for name in (".adapter", "adapter", "checkpoints/.saving"):
        (folder.path / name).symlink_to(elsewhere)
    moved = RunFolder(folder.path.rename(folder.path.with_name("20260101-000000-moved")))
    assert child.wait(SECONDS) == 1
    *_, checkpoint, failed = Tail(moved.events).read()
    assert isinstance(failed, Failed), moved.console_log.read_text()
    assert f"was moved to {moved.path}" in failed.cause
    [kept] = checkpoints(moved.checkpoints)
    assert kept.problem is None
    assert isinstance(checkpoint, events.Checkpoint)
    assert failed.kept == checkpoint.folder == f"checkpoints/{kept.path.name}"
    assert (moved.adapter / "adapter_model.safetensors").is_file()
    assert not moved.adapter.is_symlink()
    assert content(elsewhere) == before
    assert [run.id for run in list_runs(moved.path.parent)] == [moved.id]
    assert not folder.path.exists()
    assert not (moved.path / ".room").exists()


def test_a_run_whose_folder_is_deleted_ends_and_makes_no_other(start: Start) -> None:
    folder, child = start(*LONG)
    wait_for(folder, events.Step, step=2)
    log = folder.console_log.open("rb")
    shutil.rmtree(folder.path)
    assert child.wait(SECONDS) == 1
    assert not folder.path.exists()
    assert follow(folder, io.StringIO())[1] is Status.LOST
    with log:
        assert f"{folder.path} was deleted or moved away" in log.read().decode()


@pytest.mark.parametrize("moment", ["train.csv", ".adapter/adapter_config.json"])
def test_a_run_whose_folder_is_renamed_while_it_loads_or_saves_leaves_nothing_at_the_old_place(
    start: Start, moment: str
) -> None:
    folder, child = start("train.epochs=0.5", program=halting(moment))
    wait_until_halted(folder, child)
    moved = RunFolder(folder.path.rename(folder.path.with_name("20260101-000000-moved")))
    let_go_on(child)
    assert child.wait(SECONDS) == 1
    *_, failed = Tail(moved.events).read()
    assert isinstance(failed, Failed), moved.console_log.read_text()
    assert f"was moved to {moved.path}" in failed.cause
    assert [run.id for run in list_runs(moved.path.parent)] == [moved.id]
    assert not folder.path.exists()


def test_a_run_whose_old_place_is_a_link_to_the_new_one_ends_saved_too(start: Start) -> None:
    folder, child = start(*LONG, program=halting(2))
    wait_until_halted(folder, child)
    moved = RunFolder(folder.path.rename(folder.path.with_name("20260101-000000-moved")))
    folder.path.symlink_to(moved.path)
    os.kill(child.pid, signal.SIGCONT)
    assert child.wait(SECONDS) == 1
    *_, failed = Tail(moved.events).read()
    assert isinstance(failed, Failed)
    assert f"was moved to {moved.path}" in failed.cause
    assert failed.kept


def test_an_adapter_with_a_link_in_it_is_neither_scored_with_nor_sent_anywhere(run: RunFolder, elsewhere: Path) -> None:
    put_link(run.adapter / "README.md", elsewhere / "treasure")
    with pytest.raises(PredictionError, match=r"README\.md: a link"):
        demand_whole(run.adapter)
    seal(run.checkpoints / "checkpoint-2")
    put_link(run.checkpoints / "checkpoint-2" / "more", elsewhere)
    *_, two = checkpoints(run.checkpoints)
    assert (two.problem or "").startswith("checkpoint-2/more: a link")


def test_a_log_that_is_a_link_is_told_and_not_shown(run: RunFolder, elsewhere: Path) -> None:
    put_link(run.console_log, elsewhere / "treasure")
    log = LogTail(run.console_log)
    [line] = log.read()
    assert line.startswith("… console.log cannot be read: a link")
    assert log.read() == []
