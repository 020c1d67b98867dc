"""The queue and its runner, with real processes: what waits is started in order, once, whatever is killed."""

import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace
from queued import SECONDS, add, ids, until, until_status
from recorded import play, record_run
from screen import child

from core.machine.gpus import visible_gpus
from core.profile.settings import Profile
from core.runs import queue_runner
from core.runs.actions import LONGEST_LOG, see_to_runner
from core.runs.events import Started
from core.runs.folder import RunFolder, create_run
from core.runs.liveness import is_run_alive
from core.runs.lock import is_locked, locked
from core.runs.process import describe_this_process, launch
from core.runs.protocol import OTHER_AT_WORK, RUNNER
from core.runs.queue import Queue, QueueError
from core.runs.queue_runner import occupies
from core.runs.record import Tail
from core.runs.resume import CannotResume, prepare
from core.runs.state import Status, read_run
from core.runs.stopping import Rung, ask
from core.runs.trash import StillInUse, discard

HERE = visible_gpus()[0]


def processes_of(run: RunFolder) -> int:
    """How many processes have begun to write this record."""
    return sum(isinstance(event, Started) for event in Tail(run.events).read())


@pytest.fixture
def queue(runs: Path) -> Queue:
    return Queue(runs)


@pytest.mark.slow
def test_two_runs_wait_and_run_one_after_the_other_and_the_runner_ends(queue: Queue) -> None:
    first, second = add(queue, "first", "second")
    assert [read_run(run)[1] for run in (first, second)] == [Status.QUEUED] * 2
    assert (queue.place(first), queue.place(second)) == (1, 2)
    process = see_to_runner(queue, child("ok"))
    assert process is not None
    until_status(first, Status.FINISHED)
    until_status(second, Status.FINISHED)
    assert process.wait(SECONDS) == 0
    ended, began = read_run(first)[0].last_time, read_run(second)[0].first_time
    assert ended <= began
    assert queue.entries() == []
    assert not list(queue.folder.glob("*.json"))
    assert second.profile.read_text() == "# second\n"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["crash", "fail", "refuse"])
def test_a_run_that_fails_does_not_stop_the_next(queue: Queue, scenario: str) -> None:
    first, second = add(queue, "first", "second")
    process = see_to_runner(queue, child(scenario))
    assert process is not None
    assert process.wait(SECONDS) == 0
    assert {read_run(run)[1] for run in (first, second)} <= {Status.FAILED, Status.LOST}


@pytest.mark.slow
def test_a_program_that_does_not_exist_fails_the_runs_and_says_so_in_their_record(queue: Queue) -> None:
    [run] = add(queue, "first")
    process = see_to_runner(queue, ["/nowhere"])
    assert process is not None
    assert process.wait(SECONDS) == 0
    state, status = read_run(run)
    assert status is Status.FAILED
    assert "/nowhere" in state.last.cause


@pytest.mark.slow
def test_the_runner_is_killed_the_run_lives_on_and_a_new_runner_waits_for_its_end(queue: Queue) -> None:
    first, second = add(queue, "first", "second")
    process = see_to_runner(queue, child("hang"))
    assert process is not None
    until_status(first, Status.RUNNING)
    process.kill()
    process.wait()
    assert is_run_alive(first)

    again = see_to_runner(queue, child("ok"))
    assert again is not None, "the next console or command that sees a run waiting starts a runner"
    until(lambda: is_locked(queue.runner_lock), "the new runner's lock")
    assert see_to_runner(queue, child("ok")) is None, "one is enough"
    time.sleep(2.5 * queue_runner.POLL_SECONDS)
    assert read_run(first)[1] is Status.RUNNING
    assert read_run(second)[1] is Status.QUEUED
    assert ask(first, Rung.SAVE)
    until_status(second, Status.FINISHED)
    assert (processes_of(first), processes_of(second)) == (1, 1)


@pytest.mark.slow
def test_of_two_runners_started_at_once_one_ends_and_nothing_runs_twice(queue: Queue) -> None:
    started = add(queue, "first", "second")
    both = [subprocess.Popen([*RUNNER, str(queue.runs), *child("ok")]) for _ in range(2)]
    assert [process.wait(SECONDS) for process in both] == [0, 0]
    for run in started:
        until_status(run, Status.FINISHED)
        assert processes_of(run) == 1


@pytest.mark.slow
def test_a_run_that_a_killed_runner_took_and_did_not_start_is_started(queue: Queue) -> None:
    first, second = add(queue, "first", "second")
    taken = queue.take([HERE])
    assert taken is not None
    assert read_run(first)[1] is Status.STARTING
    assert queue.place(second) == 1
    assert see_to_runner(queue, child("ok")) is not None
    until_status(second, Status.FINISHED)
    assert read_run(first)[1] is Status.FINISHED
    assert read_run(first)[0].last_time <= read_run(second)[0].first_time


@pytest.mark.slow
def test_a_run_whose_runner_was_killed_before_it_said_who_it_is_does_not_run_twice(queue: Queue) -> None:
    [run] = add(queue, "first")
    assert queue.take([HERE]) is not None
    with subprocess.Popen([*child("ok"), str(run.path)]) as started_by_the_killed:
        assert see_to_runner(queue, child("ok")) is not None
        until_status(run, Status.FINISHED)
        assert started_by_the_killed.wait(SECONDS) in (0, OTHER_AT_WORK)
    assert processes_of(run) == 1
    until(lambda: not queue.entries() and not is_locked(queue.runner_lock), "the runner's end")
    assert read_run(run)[1] is Status.FINISHED


@pytest.mark.slow
def test_the_queue_waits_for_a_run_that_was_started_directly(queue: Queue) -> None:
    direct = create_run(queue.runs, Profile(), text="", name="direct")
    launch(direct, child("hang"))
    [waiting] = add(queue, "waiting")
    assert see_to_runner(queue, child("ok")) is not None
    time.sleep(2.5 * queue_runner.POLL_SECONDS)
    assert read_run(waiting)[1] is Status.QUEUED
    assert ask(direct, Rung.SAVE)
    until_status(waiting, Status.FINISHED)


@pytest.mark.slow
def test_two_cards_take_a_run_each_and_each_sees_its_own_alone(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    first, second, third = add(queue, "first", "second", "third")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert see_to_runner(queue, child("hang")) is not None
    until_status(first, Status.RUNNING)
    until_status(second, Status.RUNNING)
    cards = {info.gpu: psutil.Process(info.pid).environ() for run in (first, second) if (info := run.read_info())}
    assert {gpu: found["CUDA_VISIBLE_DEVICES"] for gpu, found in cards.items()} == {"0": "0", "1": "1"}
    assert read_run(third)[1] is Status.QUEUED
    assert ask(second, Rung.SAVE)
    until_status(third, Status.RUNNING)
    assert third.read_info().gpu == second.read_info().gpu


def test_a_run_on_another_card_or_machine_does_not_have_this_one(queue: Queue) -> None:
    run = create_run(queue.runs, Profile(), text="", name="x")
    play(run)
    me = describe_this_process(["x"])
    for info, has_it in (
        (replace(me, gpu="3"), True),
        (replace(me, gpu=None), True),
        (replace(me, gpu="4"), False),
        (replace(me, gpu="3", host="elsewhere", boot_id="x"), False),
        (replace(me, gpu="3", pid=2**22 + 1), False),
    ):
        run.write_info(info)
        assert occupies(run, "3") is has_it, info


@pytest.mark.slow
def test_a_run_starts_where_it_was_queued_and_as_it_was_queued(
    queue: Queue, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace / "elsewhere").mkdir()
    monkeypatch.chdir(workplace / "elsewhere")
    [run] = add(queue, "first")
    monkeypatch.chdir(workplace)
    assert see_to_runner(queue, child("ok")) is not None
    until_status(run, Status.FINISHED)
    assert run.read_info().working_directory == str(workplace / "elsewhere")


@pytest.mark.slow
def test_a_run_whose_working_directory_has_gone_fails_and_the_next_one_runs(
    queue: Queue, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = workplace / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    [first] = add(queue, "first")
    monkeypatch.chdir(workplace)
    gone.rmdir()
    [second] = add(queue, "second")
    assert see_to_runner(queue, child("ok")) is not None
    until_status(second, Status.FINISHED)
    state, status = read_run(first)
    assert status is Status.FAILED
    assert str(gone) in state.last.cause


ADD = """
import sys
from pathlib import Path
from core.profile.settings import Profile
from core.runs.queue import Queue
for number in range(5):
    Queue(Path(sys.argv[1])).add(Profile(), text="", name="same")
"""


def test_consoles_that_add_at_once_get_places_of_their_own(queue: Queue) -> None:
    adding = [subprocess.Popen([sys.executable, "-c", ADD, str(queue.runs)]) for _ in range(4)]
    assert [process.wait(SECONDS) for process in adding] == [0] * 4
    entries = queue.entries()
    assert len({run.id for run, _ in entries}) == 20
    assert [entry.place for _, entry in entries] == list(range(1, 21))


def test_a_run_is_moved_and_removed_while_another_one_runs(queue: Queue) -> None:
    running, a, b, c = add(queue, "running", "a", "b", "c")
    assert see_to_runner(queue, child("hang")) is not None
    until_status(running, Status.RUNNING)
    for run, where, order in (
        (c, "up", [a, c, b]),
        (c, "first", [c, a, b]),
        (c, "up", [c, a, b]),
        (c, "down", [a, c, b]),
        (a, "last", [c, b, a]),
        (a, "down", [c, b, a]),
    ):
        queue.move(run, where)
        assert ids(queue) == [run.id for run in order], (run.id, where)
    queue.remove(b)
    assert ids(queue) == [c.id, a.id]
    assert not b.path.exists()
    for change in (lambda: queue.move(running, "last"), lambda: queue.remove(running), lambda: queue.remove(b)):
        with pytest.raises(QueueError, match="no longer waits"):
            change()
    assert is_run_alive(running)
    assert running.path.exists()


def test_a_run_that_is_being_started_is_neither_moved_nor_removed(queue: Queue) -> None:
    [run] = add(queue, "first")
    assert queue.take([HERE]) is not None
    with pytest.raises(QueueError):
        queue.remove(run)
    with pytest.raises(QueueError):
        queue.move(run, "first")
    assert run.profile.exists()


def test_a_run_whose_folder_was_deleted_and_a_half_written_entry_hold_nobody_up(queue: Queue) -> None:
    deleted, torn, foreign, last = add(queue, "deleted", "torn", "foreign", "last")
    shutil.rmtree(deleted.path)
    entry = queue.folder / f"{torn.id}.json"
    entry.write_bytes(entry.read_bytes()[:20])
    (queue.folder / f"{foreign.id}.json").write_text("[1]")
    (queue.folder / "..json").write_bytes(b"\0")
    assert ids(queue) == [last.id]
    assert {path.stem for path in queue.unreadable()} >= {torn.id, foreign.id}
    assert see_to_runner(queue, child("ok")) is not None
    until_status(last, Status.FINISHED)
    assert not torn.info.exists()
    assert not (queue.folder / f"{deleted.id}.json").exists()
    assert entry.exists(), "what cannot be read is not thrown away"


def test_after_a_reboot_the_queue_goes_on(queue: Queue) -> None:
    was_running, waiting = add(queue, "was-running", "waiting")
    assert queue.take([HERE]) is not None
    me = describe_this_process(["x"])
    was_running.write_info(replace(me, boot_id="00000000-0000-0000-0000-000000000000"))
    queue.runner_lock.touch()
    assert ids(queue) == [waiting.id]
    assert see_to_runner(queue, child("ok")) is not None
    until_status(waiting, Status.FINISHED)
    assert read_run(was_running)[1] is Status.LOST
    assert processes_of(was_running) == 0


@pytest.mark.slow
def test_a_process_that_was_given_a_dead_runs_pid_is_neither_waited_for_nor_touched(queue: Queue) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        old = record_run(queue.runs, "20260131-120000-old", end=None)
        me = describe_this_process(["x"])
        old.write_info(replace(me, pid=other.pid))
        [run] = add(queue, "first")
        assert see_to_runner(queue, child("ok")) is not None
        until_status(run, Status.FINISHED)
        assert other.poll() is None
        other.kill()


def test_a_paused_queue_starts_nothing_until_it_goes_on(queue: Queue) -> None:
    [run] = add(queue, "first")
    queue.pause()
    assert see_to_runner(queue, child("ok")) is None
    queue.unpause()
    assert see_to_runner(queue, child("ok")) is not None
    until_status(run, Status.FINISHED)


@pytest.mark.slow
def test_a_runner_heeds_a_pause_while_a_run_goes_on(queue: Queue) -> None:
    first, second = add(queue, "first", "second")
    process = see_to_runner(queue, child("hang"))
    assert process is not None
    until_status(first, Status.RUNNING)
    queue.pause()
    assert process.wait(SECONDS) == 0
    assert is_run_alive(first)
    assert read_run(second)[1] is Status.QUEUED


@pytest.mark.slow
def test_a_queue_that_is_being_changed_is_an_error_not_a_wait_without_end(queue: Queue) -> None:
    [run] = add(queue, "first")
    with locked(queue.folder / "lock") as is_ours:
        assert is_ours
        for change in (
            lambda: add(queue, "second"),
            lambda: queue.remove(run),
            queue.pause,
            lambda: queue.take([HERE]),
        ):
            with pytest.raises(QueueError, match="somebody else"):
                change()
    assert ids(queue) == [run.id]


def test_a_queued_run_is_neither_stopped_nor_resumed_nor_deleted_as_if_it_had_begun(queue: Queue) -> None:
    [run] = add(queue, "first")
    assert not any(ask(run, rung) for rung in Rung)
    with pytest.raises(CannotResume, match="waits in the queue, at place 1"):
        prepare(run)
    with pytest.raises(StillInUse):
        discard(run)
    assert ids(queue) == [run.id]


@pytest.mark.slow
def test_a_log_of_many_runners_does_not_grow_without_end(queue: Queue) -> None:
    [run] = add(queue, "first")
    queue.runner_log.write_bytes(b"x" * (LONGEST_LOG + 1))
    assert see_to_runner(queue, child("ok")) is not None
    until_status(run, Status.FINISHED)
    assert queue.runner_log.stat().st_size < 1000


@pytest.mark.slow
def test_a_runner_outlives_whoever_holds_the_queue(queue: Queue) -> None:
    """Two runs: the second one's turn comes by itself, with nobody there to start another runner."""
    first, second = add(queue, "first", "second")
    with (queue.folder / "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        served = see_to_runner(queue, child("ok"))
        assert served is not None
        until(lambda: "nothing is started for now: the queue is being changed" in queue.runner_log.read_text(), "log")
        assert not first.info.exists()
    until_status(second, Status.FINISHED)
    assert served.wait(SECONDS) == 0


@pytest.mark.slow
def test_a_runner_whose_log_has_no_room_starts_what_waits(queue: Queue) -> None:
    first, second = add(queue, "first", "second")
    with Path("/dev/full").open("wb") as full:
        subprocess.run([*RUNNER, str(queue.runs), *child("ok")], stdout=full, stderr=full, timeout=SECONDS)
    for run in (first, second):
        until_status(run, Status.FINISHED)
    assert queue.entries() == []
