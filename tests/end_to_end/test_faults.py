"""What a night can do to a run: full disks, kills at the worst moment, profiles that vanish, logs that are no text."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from tiny_runs import SECONDS, Start, fill, halting, kill, wait_for, wait_until_halted

from core.cache import CACHE_VARIABLE, CacheFull
from core.inspect.protocol import INSPECT, Progress
from core.predict.errors import in_words
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.runs import events
from core.runs.checkpoints import checkpoints
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.process import launch, log_end
from core.runs.protocol import RESUME, TRAIN
from core.runs.record import Record, Tail
from core.runs.resume import prepare
from core.runs.state import Status, read_run
from core.runs.stopping import Rung, ask


def test_a_full_disk_ends_a_run_that_says_so_and_goes_on_once_there_is_room(small_disk: Path, start: Start) -> None:
    folder, child = start("train.epochs=400", "train.save_steps=2", "eval.every=100000")
    wait_for(folder, events.Checkpoint, step=4)
    filler = fill(small_disk)
    assert child.wait(SECONDS) == 1
    state, status = read_run(folder)
    assert status is Status.FAILED
    assert isinstance(state.last, events.Failed)
    assert "no space is left on the disk" in state.last.cause
    assert Tail(folder.events).read()[-1] == state.last
    intact = [kept for kept in checkpoints(folder.checkpoints) if kept.problem is None]
    assert intact
    assert intact[0].step >= 4

    filler.unlink()
    prepare(folder)
    resumed = launch(folder, (*TRAIN, RESUME))
    try:
        wait_for_after(folder, intact[0].step + 1)
    finally:
        resumed.kill()
        resumed.wait()


def wait_for_after(folder: RunFolder, step: int) -> None:
    """Wait until the resumed run has trained `step`, and goes on."""
    deadline = time.monotonic() + SECONDS
    while read_run(folder)[0].step < step or read_run(folder)[1] is not Status.RUNNING:
        assert time.monotonic() < deadline, log_end(folder)
        time.sleep(0.05)


def full_cache(disk: Path, **more: str) -> dict[str, str]:
    """The environment of a process whose caches lie on a disk without a byte left."""
    (disk / "cache").mkdir()
    fill(disk)
    return {**os.environ, CACHE_VARIABLE: str(disk / "cache"), **more}


def test_a_full_disk_of_the_cache_is_told_from_that_of_a_run(
    small_disk: Path, checkpoint: Path, train_csv: Path, tmp_path: Path
) -> None:
    """By an inspection, by a run that makes the demo, and by a prediction."""
    environment = full_cache(small_disk)
    profile = tmp_path / "mine.toml"
    profile.write_text(f'[data]\ntrain = "{train_csv}"\n[model]\ncheckpoint = "{checkpoint}"\n')
    told = subprocess.run([*INSPECT, str(profile)], env=environment, stdout=subprocess.PIPE, check=False)
    problem = msgspec.json.decode(told.stdout.splitlines()[-1], type=Progress).problem
    demo = create_run(tmp_path / "demo", parse_profile('data.train = "demo"', source="x"), text="", name="x")
    assert subprocess.run([*TRAIN, str(demo.path)], env=environment, stderr=subprocess.DEVNULL).returncode == 1
    failed = Tail(demo.events).read()[-1]
    assert isinstance(failed, events.Failed)
    scoring = in_words(CacheFull(small_disk / "cache", CACHE_VARIABLE))
    for words in (problem, f"{failed.cause}. {failed.advice}", f"{scoring.cause}. {scoring.advice}"):
        assert words == (
            f"no space is left on the disk of the cache, {small_disk / 'cache'}. "
            "Free some there, or let ARENA_TUI_CACHE name a folder on another disk; then start it again."
        )
    assert [path.name for path in (small_disk / "cache").rglob("*")] in (["inspections"], [])


FETCHES = """
import sys
from pathlib import Path
from huggingface_hub import hf_hub_download
import datasets
from core.failures.explain import explain
try:
    if Path(sys.argv[1]).is_dir():
        datasets.load_dataset(sys.argv[1], split="train")  # as a data set of the hub is
    hf_hub_download("me/x", "model.safetensors", endpoint=sys.argv[1])
except Exception as error:
    why = explain(error)
    print(why.cause, why.advice, sep="\\n")
"""


class _OneFile(BaseHTTPRequestHandler):
    """What the hub answers of a file of 1 MiB."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        for name, value in {"ETag": '"1"', "X-Repo-Commit": "1" * 40, "Content-Length": str(1 << 20)}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        with suppress(OSError):  # it hangs up
            self.wfile.write(bytes(1 << 20))

    def log_message(self, *_: object) -> None:
        """Nothing of it is printed."""


def fetched(source: str, environment: dict[str, str]) -> list[str]:
    command = [sys.executable, "-P", "-c", FETCHES, source]
    told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return told.splitlines()


def test_a_full_disk_under_the_libraries_caches_names_them_and_what_moves_them(
    small_disk: Path, train_csv: Path
) -> None:
    hub_cache, sets_cache = small_disk / "cache" / "hub", small_disk / "cache" / "datasets"
    environment = full_cache(
        small_disk,
        HF_HUB_OFFLINE="0",
        HF_HUB_DISABLE_XET="1",
        HF_HUB_CACHE=str(hub_cache),
        HF_DATASETS_CACHE=str(sets_cache),
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), _OneFile) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        of_hub = fetched(f"http://127.0.0.1:{hub.server_port}", environment)
        hub.shutdown()
    of_sets = fetched(str(train_csv.parent), environment)
    for (cause, advice), cache in ((of_hub, hub_cache), (of_sets, sets_cache)):
        assert cause == f"no space is left on the disk of the cache, {cache}"
        assert "let HF_HOME name a folder on another disk" in advice


def test_an_event_that_finds_no_room_costs_no_other_its_line(small_disk: Path) -> None:
    path = small_disk / "events.jsonl"
    with Record(path) as record:
        record.write(events.Warning(message="before"))
        filler = fill(small_disk)
        os.truncate(filler, filler.stat().st_size - 4096)  # room for a part of a line
        with pytest.raises(OSError, match="no room for an event"):
            record.write(events.Warning(message="x" * 50_000))
        record.write(events.Failed(cause="the disk is full", advice="free some", exit_code=1))
    tail = Tail(path)
    read = tail.read()
    assert [type(event).__name__ for event in read] == ["Warning", "Failed"]
    assert tail.unreadable == 1
    assert not (small_disk / ".room").exists()


def test_a_kill_during_the_final_save_leaves_no_half_result_and_the_run_can_end_later(start: Start) -> None:
    folder, child = start("train.save_steps=3", program=halting(".adapter/adapter_config.json"))
    aside = folder.path / ".adapter"
    wait_until_halted(folder, child)
    kill(child)
    state, status = read_run(folder)
    assert status is Status.LOST
    assert not folder.metrics.exists()
    assert state.step == 6
    assert aside.exists()
    assert not folder.adapter.exists(), "what has the adapter's name is whole"
    prepare(folder)
    assert launch(folder, (*TRAIN, RESUME)).wait(SECONDS) == 0
    assert read_run(folder)[1] is Status.FINISHED
    assert folder.metrics.exists()
    assert folder.adapter.exists()
    assert not aside.exists()


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
def test_a_clock_that_is_set_during_a_run_makes_no_figure_negative(tmp_path: Path, step: float) -> None:
    folder = create_run(tmp_path, Profile(), text="", name="x")
    now = 1_000_000.0
    with Record(folder.events) as record:
        record.write(events.Phase(time=now, phase="loading"))
        for done in range(10):
            at = now + done + (step if done > 5 else 0)
            record.write(events.Phase(time=at, phase="training", done=done, total=20, unit="steps"))
    state, _ = read_run(folder)
    assert state.step == 9
    assert state.elapsed >= 0


NEVER_WRITES = "import sys, time; time.sleep(600)"
BINARY = """
import sys, os
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process
os.write(1, bytes(range(256)) * 100)
RunFolder(Path(sys.argv[-1])).write_info(describe_this_process(sys.argv))
"""


def test_a_child_that_never_says_who_it_is_is_ended_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.runs import process

    monkeypatch.setattr(process, "START_SECONDS", 1)
    folder = create_run(tmp_path, Profile(), text="", name="x")
    with pytest.raises(process.LaunchError, match="did not start within 1 s"):
        launch(folder, [sys.executable, "-c", NEVER_WRITES])
    assert read_run(folder)[1] is Status.FAILED
    left = subprocess.run(["pgrep", "-f", str(folder.path)], capture_output=True, text=True)
    assert left.stdout == ""


def test_a_log_that_is_no_text_is_told_all_the_same(tmp_path: Path) -> None:

    folder = create_run(tmp_path, Profile(), text="", name="x")
    launch(folder, [sys.executable, "-P", "-c", BINARY]).wait()
    told = log_end(folder)
    assert "�" in told
    assert "ABC" in told


def test_two_launches_in_one_second_are_two_runs_even_if_a_profile_vanishes_meanwhile(
    start: Start, tmp_path: Path
) -> None:
    """Of the profile a run keeps a copy; neither the file nor the copy is missed while it goes on."""
    (one, first), (other, second) = start("data.limit=20"), start("data.limit=20")
    one.profile.unlink()
    assert one.path != other.path
    assert first.wait(SECONDS) == second.wait(SECONDS) == 0
    assert {run.id for run in list_runs(tmp_path / "runs")} == {one.id, other.id}
    infos = [run.read_info() for run in (one, other)]
    assert {info.pid for info in infos if info} == {first.pid, second.pid}
    assert read_run(one)[1] is Status.FINISHED


def test_a_run_without_proc_is_trained_seen_to_live_and_ended(start: Start) -> None:
    without = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /proc && exec "$@"', "sh")
    if subprocess.run([*without, "true"], capture_output=True).returncode:
        pytest.skip("mounting another /proc takes root")
    folder, child = start("train.epochs=400", "eval.every=100000", program=(*without, *TRAIN))
    wait_for(folder, events.Step, step=2)
    info = folder.read_info()
    assert info
    assert (info.boot_id, info.pid_namespace, info.start_ticks) == ("", "", None)
    assert read_run(folder)[1] is Status.RUNNING
    assert ask(folder, Rung.SAVE)
    assert child.wait(SECONDS) == 128 + Rung.SAVE.value
    assert read_run(folder)[1] is Status.CANCELLED
