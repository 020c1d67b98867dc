"""The record: whole lines only, whatever the writer was doing when it died, and the same state however it is read."""

import itertools
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.runs import events
from core.runs.events import Phase, Step
from core.runs.record import Record, Tail
from core.runs.state import RunState, Status, fold, status


def step(number: int, loss: float | None = 1.0) -> Step:
    return Step(
        time=float(number), step=number, epoch=0.1, loss=loss, learning_rate=1e-4, grad_norm=1.0, tokens=number,
        tokens_per_second=1.0, memory_allocated=1, memory_reserved=1, memory_peak=1,
    )  # fmt: skip


STARTED = events.Started(
    time=0.0, rows_train=8, rows_eval=2, rows_cut=1, tokens_train=80, steps=10, global_batch=8,
    trainable_parameters=1, total_parameters=2, precision="fp32", prior_log_loss=1.09,
    device=events.Device(kind="cpu", name="x", memory=1),
)  # fmt: skip
HISTORY = [
    Phase(time=0.0, phase="loading"),
    STARTED,
    *(step(n, None if n == 3 else 1.0) for n in range(1, 11)),
    events.Evaluated(time=11.0, step=10, epoch=1.0, log_loss=0.9, accuracy=0.5, rows=2, seconds=1.0),
    events.Checkpoint(time=11.5, step=10, folder="checkpoints/checkpoint-10"),
    events.Warning(time=11.6, message="hot"),
    events.Finished(time=12.0, log_loss=0.9, accuracy=0.5),
]

CANCELLED = [
    *HISTORY[:8],
    events.Stopping(time=6.1, signal="SIGTERM"),
    events.Cancelled(time=6.2, signal="SIGTERM", step=6, kept="checkpoints/checkpoint-6"),
]
RESUMED = [
    *CANCELLED,
    Phase(time=100.0, phase="loading", detail="checking the checkpoints"),
    events.Resumed(time=101.0, step=4, checkpoint="checkpoints/checkpoint-4"),
    *HISTORY[:2],
    *HISTORY[6:],
]


def test_events_come_back_as_they_were_written(tmp_path: Path) -> None:
    with Record(tmp_path / "events.jsonl") as record:
        for event in HISTORY:
            record.write(event)
    assert Tail(tmp_path / "events.jsonl").read() == HISTORY


def test_a_figure_that_is_not_finite_is_null_on_disk(tmp_path: Path) -> None:
    with Record(tmp_path / "events.jsonl") as record:
        record.write(step(1, float("nan")))
    assert b'"loss":null' in (tmp_path / "events.jsonl").read_bytes()
    assert Tail(tmp_path / "events.jsonl").read()[0].loss is None  # type: ignore[union-attr]


def test_half_a_line_is_not_read_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = Tail(path)
    assert tail.read() == []
    with Record(path) as record:
        record.write(step(1))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:25])
    assert [event.step for event in tail.read()] == [1]  # type: ignore[union-attr]
    assert tail.read() == []
    path.write_bytes(whole + whole)
    assert len(tail.read()) == 1
    assert tail.unreadable == 0


def test_a_line_torn_by_kill_9_costs_that_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Record(path) as record:
        record.write(step(1))
    with path.open("ab") as file:
        file.write(b'{"type":"step","ti')
    with Record(path) as record:
        record.write(step(2))
    tail = Tail(path)
    assert [event.step for event in tail.read()] == [1, 2]  # type: ignore[union-attr]
    assert tail.unreadable == 1


BEYOND = b'{"type":"phase","phase":"training","done":1%s}' % (b"0" * 400)
"""A count that no float can hold."""


def test_what_is_no_event_is_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    hostile = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"type":"unheard_of"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"type":"step"}',
        BEYOND,
    ]
    with Record(path) as record:
        record.write(step(1))
    with path.open("ab") as file:
        file.write(b"\n".join(hostile) + b"\n" + b"x" * 200_000 + b"\n")
    with Record(path) as record:
        record.write(step(2))
    tail = Tail(path)
    assert len(tail.read()) == 2
    assert tail.unreadable == len(hostile)  # an empty line is nothing, the long one is one


def test_a_field_of_a_later_version_does_not_hide_an_event(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"type":"checkpoint","time":1.0,"v":2,"step":3,"folder":"c","shards":4}\n')
    assert Tail(path).read() == [events.Checkpoint(time=1.0, v=2, step=3, folder="c")]


WRITER = """
import sys
from pathlib import Path
from core.runs.events import Warning
from core.runs.record import Record
with Record(Path(sys.argv[1])) as record:
    for _ in range(100_000):  # half a gigabyte, should nobody stop it
        record.write(Warning(message="x" * 5000))
"""


def test_a_writer_killed_at_full_speed_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = subprocess.Popen([sys.executable, "-P", "-c", WRITER, str(path)])
    tail, read = Tail(path), 0
    try:
        while read < 2000 and writer.poll() is None:
            read += len(tail.read())
    finally:
        os.kill(writer.pid, signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL, "it had written all before it could be killed: the test shows nothing"
    read += len(tail.read())
    assert read >= 2000
    assert tail.unreadable == 0
    rest = path.read_bytes()[tail.offset :]
    assert b"\n" not in rest


@given(st.lists(st.integers(min_value=0, max_value=len(RESUMED)), max_size=6))
def test_the_state_does_not_depend_on_how_the_events_were_batched(cuts: list[int]) -> None:
    at_once = fold(RunState(), RESUMED)
    edges = [0, *sorted(cuts), len(RESUMED)]
    state = RunState()
    for first, last in itertools.pairwise(edges):
        state = fold(state, RESUMED[first:last])
    assert state == at_once


def test_the_state_holds_the_whole_history() -> None:
    state = fold(RunState(), HISTORY)
    assert [point.step for point in state.steps] == list(range(1, 11))
    assert state.steps[2].loss is None
    assert state.evaluations[0].log_loss == 0.9
    assert state.warnings == ("hot",)
    assert state.elapsed == 12.0


def test_a_step_that_was_saved_counts_though_it_was_not_logged() -> None:
    saved = events.Checkpoint(time=7.0, step=8, folder="checkpoints/checkpoint-8")
    assert fold(RunState(), [*HISTORY[:8], saved]).step == 8
    assert fold(fold(RunState(), HISTORY[:8]), [saved]).step == 8


def test_remaining_time_is_estimated_from_training_alone() -> None:
    loading = [Phase(time=0.0, phase="loading"), STARTED]
    training = [Phase(time=100.0 + n, phase="training", done=n, total=10, unit="steps") for n in range(6)]
    assert fold(RunState(), loading).remaining is None
    assert fold(RunState(), [*loading, *training]).remaining == 5.0  # one second a step, five to go


def test_status_follows_the_record_first_and_the_process_second() -> None:
    begun = fold(RunState(), HISTORY[:2])
    stopping = fold(begun, [events.Stopping(signal="SIGTERM")])
    cancelled = fold(stopping, [events.Cancelled(signal="SIGTERM", step=3, kept=None)])
    failed = fold(begun, [events.Failed(cause="c", advice="a", exit_code=1)])
    finished = fold(RunState(), HISTORY)
    now = 1.0
    assert status(RunState(), None, now, launched=True) is Status.STARTING
    assert status(RunState(), True, now, launched=True) is Status.STARTING
    assert status(RunState(), False, now, launched=True) is Status.LOST
    assert status(RunState(), False, now, launched=False) is Status.PREPARED
    assert status(begun, True, now, launched=True) is Status.RUNNING
    assert status(begun, None, now, launched=True) is Status.RUNNING
    assert status(begun, False, now, launched=True) is Status.LOST
    assert status(stopping, True, now, launched=True) is Status.STOPPING
    assert status(stopping, False, now, launched=True) is Status.LOST
    for alive in (True, False, None):
        assert status(cancelled, alive, now, launched=True) is Status.CANCELLED
        assert status(failed, alive, now, launched=True) is Status.FAILED
        assert status(finished, alive, now, launched=True) is Status.FINISHED


def test_an_end_is_one_only_as_long_as_nothing_follows_it() -> None:
    cancelled = fold(RunState(), CANCELLED)
    checking = fold(cancelled, [RESUMED[len(CANCELLED)]])
    assert status(cancelled, True, 100.0, launched=True) is Status.CANCELLED
    assert status(checking, True, 100.0, launched=True) is Status.STARTING
    assert status(checking, False, 100.0, launched=True) is Status.LOST
    assert (checking.step, len(checking.steps)) == (6, 6), "what is forgotten is only known once it goes on"
    assert math.isclose(checking.elapsed, cancelled.elapsed)


def test_a_run_has_stalled_when_it_is_silent_for_much_longer_than_its_own_rhythm() -> None:
    def training(at: float) -> Phase:
        return Phase(time=at, phase="training", done=1, total=10, unit="steps")

    brisk = fold(RunState(), [STARTED, *(training(2.0 * n) for n in range(10))])
    slow = fold(RunState(), [STARTED, *(training(200.0 * n) for n in range(10))])
    loading = fold(RunState(), [Phase(time=0.0, phase="loading")])
    assert status(brisk, True, 18 + 59, launched=True) is Status.RUNNING
    assert status(brisk, True, 18 + 61, launched=True) is Status.STALLED
    assert status(brisk, False, 18 + 61, launched=True) is Status.LOST
    assert status(brisk, True, -7200, launched=True) is Status.RUNNING, "the clock was set back"
    assert status(slow, True, 1800 + 999, launched=True) is Status.RUNNING
    assert status(slow, True, 1800 + 1001, launched=True) is Status.STALLED
    assert status(loading, True, 599, launched=True) is Status.STARTING
    assert status(loading, True, 601, launched=True) is Status.STALLED
    assert status(fold(brisk, [training(18 + 61)]), True, 18 + 61, launched=True) is Status.RUNNING
