"""A run that ended early goes on in its folder as if it had never stopped, or says why it does not."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file
from tiny_runs import SECONDS, Start, wait_for

from core.profile.load import parse_profile
from core.runs import events
from core.runs.checkpoints import ASIDE, MANIFEST, checkpoints
from core.runs.folder import RunFolder
from core.runs.process import LaunchError, launch
from core.runs.record import Tail
from core.runs.resume import RESUME, CannotResume, prepare
from core.runs.state import RunState, Status, read_run

# Dropout, accumulation, a cosine, two epochs and checkpoints in the middle of them: all that must be taken up again.
RUN = ("train.epochs=6", "lora.dropout=0.1", "train.schedule=cosine", "train.save_steps=5", "eval.every=12")


@pytest.fixture
def resume() -> Iterator[object]:
    """Resumes a run and waits for its end; children left over are killed."""
    children = []

    def resume(folder: RunFolder, *overrides: str) -> int:
        prepare(folder, overrides)
        children.append(launch(folder, RESUME))
        return children[-1].wait(SECONDS)

    yield resume
    for child in children:
        child.kill()
        child.wait()


def curve(folder: RunFolder) -> list[tuple[object, ...]]:
    state: RunState = read_run(folder)[0]
    steps = [(s.step, s.loss, s.learning_rate, s.grad_norm, s.tokens, s.epoch) for s in state.steps]
    return [*steps, *((e.step, e.log_loss, e.accuracy) for e in state.evaluations)]


@pytest.mark.parametrize(
    ("number", "engine"), [(signal.SIGTERM, "padded"), (signal.SIGKILL, "padded"), (signal.SIGKILL, "packed")]
)
def test_the_curve_of_a_resumed_run_is_that_of_one_never_stopped(  # type: ignore[no-untyped-def]
    number: int, engine: str, start: Start, resume
) -> None:
    whole, child = start(*RUN, f"train.engine={engine}")
    assert child.wait(SECONDS) == 0

    folder, child = start(*RUN, f"train.engine={engine}")
    wait_for(folder, events.Step, step=13)
    os.kill(child.pid, number)
    child.wait(SECONDS)
    stopped = read_run(folder)[0].step
    assert stopped < 36, "it ended before it could be stopped: the test shows nothing"
    assert resume(folder) == 0

    state, status = read_run(folder)
    assert status is Status.FINISHED
    assert curve(folder) == curve(whole)
    resumed = [event for event in Tail(folder.events).read() if isinstance(event, events.Resumed)]
    assert len(resumed) == 1
    assert resumed[0].step >= (10 if number == signal.SIGKILL else stopped)
    assert resumed[0].checkpoint == f"checkpoints/checkpoint-{resumed[0].step}"
    adapters = [load_file(run.adapter / "adapter_model.safetensors") for run in (whole, folder)]
    assert all((adapters[0][name] == adapters[1][name]).all() for name in adapters[0])
    metrics = [json.loads(run.metrics.read_text()) for run in (whole, folder)]
    assert metrics[0]["log_loss"] == metrics[1]["log_loss"]
    assert metrics[0]["tokens"] == metrics[1]["tokens"]
    assert state.elapsed < state.last_time - state.first_time + 1e-6


def stopped_run(start: Start, *overrides: str) -> RunFolder:
    folder, child = start("train.epochs=400", "train.save_steps=5", "eval.every=100000", *overrides)
    wait_for(folder, events.Checkpoint, step=10)
    child.kill()
    child.wait()
    return folder


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda kept: truncate(kept / "adapter_model.safetensors"), "adapter_model.safetensors has"),
        (lambda kept: (kept / "optimizer.pt").unlink(), "optimizer.pt is missing"),
        (lambda kept: (kept / MANIFEST).unlink(), f"has no {MANIFEST}"),
        (lambda kept: (kept / MANIFEST).write_text("{"), f"{MANIFEST} cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_the_record_says_why(damage, found: str, start: Start) -> None:  # type: ignore[no-untyped-def]
    folder = stopped_run(start)
    newest, older = checkpoints(folder.checkpoints)[:2]
    damage(newest.path)
    prepare(folder)
    child = launch(folder, RESUME)
    try:
        resumed = wait_for(folder, events.Resumed)
        assert isinstance(resumed, events.Resumed)
        assert resumed.step == older.step
        assert found in resumed.skipped[0]
        wait_for(folder, events.Step, step=older.step + 1)
        assert found in read_run(folder)[0].warnings[-1]
    finally:
        child.kill()
        child.wait()


def test_without_an_intact_checkpoint_it_begins_anew(start: Start, resume) -> None:  # type: ignore[no-untyped-def]
    folder, child = start("train.save_steps=100000")
    wait_for(folder, events.Step, step=2)
    child.kill()
    child.wait()
    assert resume(folder) == 0
    assert [step.step for step in read_run(folder)[0].steps] == [1, 2, 3, 4, 5, 6]


def test_a_changed_setting_is_refused_by_name_and_a_harmless_one_is_not(start: Start) -> None:
    folder = stopped_run(start)
    before = folder.resolved.read_text()
    with pytest.raises(CannotResume, match=r"train\.learning_rate = 0\.5 \(it was 0\.001\)"):
        prepare(folder, ("train.learning_rate=0.5", "train.log_steps=7"))
    assert folder.resolved.read_text() == before
    prepare(folder, ("train.log_steps=7", "train.save_steps=50"))
    after = parse_profile(folder.resolved.read_text(), source="resolved")
    assert (after.train.log_steps, after.train.save_steps) == (7, 50)


def test_other_rows_are_refused(start: Start, train_csv: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    shutil.copy(train_csv, own)
    folder = stopped_run(start, f"data.train={own}")
    lines = own.read_text().splitlines()
    own.write_text("\n".join(lines[:-5]) + "\n")
    prepare(folder)
    assert launch(folder, RESUME).wait(SECONDS) == 2
    last = read_run(folder)[0].last
    assert isinstance(last, events.Failed)
    assert "data.train has changed" in last.cause


def test_a_running_run_and_a_finished_one_are_not_resumed(start: Start) -> None:
    folder, child = start("train.epochs=400")
    wait_for(folder, events.Step, step=1)
    with pytest.raises(CannotResume, match="still running"):
        prepare(folder)
    with pytest.raises(LaunchError, match="another process is at work"):
        launch(folder, RESUME)
    assert read_run(folder)[1] is Status.RUNNING
    assert psutil.pid_exists(child.pid)
    assert not [event for event in Tail(folder.events).read() if isinstance(event, events.Resumed)]

    done, child = start()
    assert child.wait(SECONDS) == 0
    with pytest.raises(CannotResume, match="has finished"):
        prepare(done)


def test_a_kill_while_a_checkpoint_is_written_leaves_only_whole_ones(start: Start, resume) -> None:  # type: ignore[no-untyped-def]
    folder, child = start("train.epochs=20", "train.save_steps=1", "train.keep_checkpoints=3", "eval.every=100000")
    wait_for(folder, events.Checkpoint, step=3)
    deadline = time.monotonic() + SECONDS
    while not (folder.checkpoints / ASIDE).exists():
        assert time.monotonic() < deadline
    child.kill()
    child.wait()
    assert (folder.checkpoints / ASIDE).exists(), "it was killed beside a checkpoint, not within one"
    assert [kept.problem for kept in checkpoints(folder.checkpoints)] == [None, None, None]
    assert resume(folder) == 0
    assert not (folder.checkpoints / ASIDE).exists()
    assert read_run(folder)[1] is Status.FINISHED
