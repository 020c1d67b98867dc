"""A run that ended early goes on in its folder as if it had never stopped, or says why it does not."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psutil
import pytest
from loss_curve import curve
from safetensors.torch import load_file
from tiny_runs import SECONDS, Start, copy_of, halting, kill, wait_until_halted

from core.profile.load import parse_profile
from core.runs import events
from core.runs.checkpoints import ASIDE, Pruning, checkpoints, plan, size
from core.runs.folder import RunFolder
from core.runs.process import LaunchError, launch
from core.runs.protocol import RESUME, TRAIN
from core.runs.record import Record, Tail
from core.runs.resume import CannotResume, prepare
from core.runs.seal import MANIFEST
from core.runs.state import Status, read_run
from core.train.attempt import Attempt

pytestmark = pytest.mark.xdist_group("resume")

# Dropout, accumulation, a cosine, three epochs and checkpoints in the middle of them: all that must be taken up again.
RUN = ("train.epochs=3", "lora.dropout=0.1", "train.schedule=cosine", "train.save_steps=5", "eval.every=7")
OF_ENGINE = {"padded": ["train.engine=padded", "train.keep=best"], "packed": ["train.engine=packed", "train.ema=0.8"]}
STEPS, HALT = 18, 13


@pytest.fixture(scope="module")
def whole(start_shared: Start) -> Callable[[str], RunFolder]:
    """The run that was never stopped, by engine."""

    @cache
    def whole(engine: str) -> RunFolder:
        folder, child = start_shared(*RUN, *OF_ENGINE[engine])
        assert child.wait(SECONDS) == 0, folder.console_log.read_text()
        return folder

    return whole


def halted(start: Start, engine: str) -> tuple[RunFolder, "subprocess.Popen[bytes]"]:
    folder, child = start(*RUN, *OF_ENGINE[engine], program=halting(HALT))
    wait_until_halted(folder, child)
    return folder, child


@pytest.fixture(scope="module")
def killed(start_shared: Start) -> RunFolder:
    """A run that was killed in step HALT, by which it had written two checkpoints. Each test takes a copy of it."""
    folder, child = halted(start_shared, "padded")
    kill(child)
    return folder


@pytest.fixture
def resume() -> Iterator[Callable[..., int]]:
    """Resumes a run and waits for its end; children left over are killed."""
    children = []

    def resume(folder: RunFolder, *overrides: str) -> int:
        prepare(folder, overrides)
        children.append(launch(folder, (*TRAIN, RESUME)))
        return children[-1].wait(SECONDS)

    yield resume
    for child in children:
        kill(child)


@pytest.mark.parametrize(
    ("number", "engine"), [(signal.SIGTERM, "padded"), (signal.SIGKILL, "padded"), (signal.SIGKILL, "packed")]
)
def test_the_curve_of_a_resumed_run_is_that_of_one_never_stopped(
    number: int, engine: str, start: Start, whole: Callable[[str], RunFolder], resume: Callable[..., int]
) -> None:
    folder, child = halted(start, engine)
    os.kill(child.pid, number)
    os.kill(child.pid, signal.SIGCONT)
    child.wait(SECONDS)
    assert read_run(folder)[0].step == (HALT - 1 if number == signal.SIGKILL else HALT)
    assert resume(folder) == 0

    state, status = read_run(folder)
    assert status is Status.FINISHED
    assert len(state.steps) == STEPS
    assert curve(folder) == curve(whole(engine))
    resumed = [event for event in Tail(folder.events).read() if isinstance(event, events.Resumed)]
    assert [event.step for event in resumed] == [10 if number == signal.SIGKILL else HALT]
    assert resumed[0].checkpoint == f"checkpoints/checkpoint-{resumed[0].step}"
    adapters = [load_file(run.adapter / "adapter_model.safetensors") for run in (whole(engine), folder)]
    assert all((adapters[0][name] == adapters[1][name]).all() for name in adapters[0])
    metrics = [json.loads(run.metrics.read_text()) for run in (whole(engine), folder)]
    assert metrics[0]["log_loss"] == metrics[1]["log_loss"]
    assert metrics[0]["tokens"] == metrics[1]["tokens"]
    assert state.elapsed < state.last_time - state.first_time + 1e-6


def test_it_may_go_on_with_fewer_rows_at_once_with_dropout_too(
    killed: RunFolder, whole: Callable[[str], RunFolder], resume: Callable[..., int], tmp_path: Path
) -> None:
    """Each sum is rounded otherwise, and that is all."""
    folder = copy_of(killed, tmp_path / "run")
    assert resume(folder, "train.per_device_batch_size=2", "train.gradient_accumulation=4") == 0
    (one, two) = (read_run(run)[0] for run in (folder, whole("padded")))
    assert [step.loss for step in one.steps] == pytest.approx([step.loss for step in two.steps], abs=1e-4)
    assert [e.log_loss for e in one.evaluations] == pytest.approx([e.log_loss for e in two.evaluations], abs=1e-4)


def flip(path: Path) -> None:
    """One bit of its middle, which leaves its size and its form as they were."""
    with path.open("r+b") as file:
        middle = file.seek(path.stat().st_size // 2)
        bit = bytes([file.read(1)[0] ^ 1])
        file.seek(middle)
        file.write(bit)


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
        (lambda kept: (kept / MANIFEST).write_bytes(b'{"\xff": 3}'), f"{MANIFEST} cannot be read"),
        (lambda kept: (kept / MANIFEST).write_bytes(b'{"a":' + b"[" * 100_000), f"{MANIFEST} cannot be read"),
        (lambda kept: (kept / MANIFEST).write_text("[3]"), f"{MANIFEST} cannot be read"),
        (lambda kept: (kept / MANIFEST).write_text('{"a\\u0000": 3}'), "is not a file in this folder"),
        (
            lambda kept: (kept / MANIFEST).write_text('{"../checkpoint-5/optimizer.pt": 3}'),
            "is not a file in this folder",
        ),
        (lambda kept: flip(kept / "adapter_model.safetensors"), "adapter_model.safetensors is not what was written"),
        (lambda kept: flip(kept / "optimizer.pt"), "optimizer.pt is not what was written there: its checksum differs"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_the_record_says_why(
    damage: Callable[[Path], object], found: str, killed: RunFolder, tmp_path: Path
) -> None:
    folder = copy_of(killed, tmp_path / "run")
    newest, older = checkpoints(folder.checkpoints)
    damage(newest.path)
    prepare(folder)
    with Record(folder.events) as record:
        attempt = Attempt.resumed(folder, record)
    assert attempt.checkpoint == str(older.path)
    checking, resumed = Tail(folder.events).read()[-2:]
    assert isinstance(checking, events.Phase), "nobody is told of an old end while checkpoints are read"
    assert isinstance(resumed, events.Resumed)
    assert resumed.step == older.step
    assert found in resumed.skipped[0]
    assert found in read_run(folder)[0].warnings[-1]


def test_a_checkpoint_of_an_older_version_is_taken_and_its_want_of_checksums_told(
    killed: RunFolder, tmp_path: Path
) -> None:
    folder = copy_of(killed, tmp_path / "run")
    kept = checkpoints(folder.checkpoints)[0].path
    sizes = {name: known["size"] for name, known in json.loads((kept / MANIFEST).read_text()).items()}
    (kept / MANIFEST).write_text(json.dumps(sizes))
    with Record(folder.events) as record:
        assert Attempt.resumed(folder, record).checkpoint == str(kept)
    assert "only the sizes of its files can be checked" in read_run(folder)[0].warnings[-1]


def test_pruning_keeps_the_newest_checkpoint_that_is_whole_in_content_too(killed: RunFolder, tmp_path: Path) -> None:
    """It deleted the only one to go on from, where the newest has a flipped bit."""
    folder = copy_of(killed, tmp_path / "run")
    newest, older = checkpoints(folder.checkpoints)
    flip(newest.path / "optimizer.pt")
    assert plan(folder) == Pruning(folder, (newest.path,), size(newest.path), (older.path.name,))


def test_a_run_whose_newest_checkpoint_is_damaged_goes_on_from_the_one_before(
    killed: RunFolder, whole: Callable[[str], RunFolder], resume: Callable[..., int], tmp_path: Path
) -> None:
    folder = copy_of(killed, tmp_path / "run")
    flip(folder.checkpoints / "checkpoint-10" / "adapter_model.safetensors")
    assert resume(folder) == 0
    [resumed] = [event for event in Tail(folder.events).read() if isinstance(event, events.Resumed)]
    assert (resumed.step, len(resumed.skipped)) == (5, 1)
    assert curve(folder) == curve(whole("padded"))


def test_without_an_intact_checkpoint_it_begins_anew(
    killed: RunFolder, whole: Callable[[str], RunFolder], resume: Callable[..., int], tmp_path: Path
) -> None:
    folder = copy_of(killed, tmp_path / "run")
    shutil.rmtree(folder.checkpoints)
    assert resume(folder) == 0
    assert [step.step for step in read_run(folder)[0].steps] == list(range(1, STEPS + 1))
    assert curve(folder) == curve(whole("padded"))


def test_a_changed_setting_is_refused_by_name_and_a_harmless_one_is_not(killed: RunFolder, tmp_path: Path) -> None:
    folder = copy_of(killed, tmp_path / "run")
    before = folder.resolved.read_text()
    with pytest.raises(CannotResume, match=r"train\.learning_rate = 0\.5 \(it was 0\.001\)"):
        prepare(folder, ("train.learning_rate=0.5", "train.log_steps=7"))
    assert folder.resolved.read_text() == before
    prepare(folder, ("train.log_steps=7", "train.save_steps=50"))
    after = parse_profile(folder.resolved.read_text(), source="resolved")
    assert (after.train.log_steps, after.train.save_steps) == (7, 50)


def test_a_running_run_and_a_finished_one_are_not_resumed(start: Start, whole: Callable[[str], RunFolder]) -> None:
    folder, child = start(program=halting(2))
    wait_until_halted(folder, child)
    with pytest.raises(CannotResume, match="still running"):
        prepare(folder)
    with pytest.raises(LaunchError, match="another process is at work"):
        launch(folder, (*TRAIN, RESUME))
    assert read_run(folder)[1] is Status.RUNNING
    assert psutil.pid_exists(child.pid)
    assert not [event for event in Tail(folder.events).read() if isinstance(event, events.Resumed)]

    with pytest.raises(CannotResume, match="has finished"):
        prepare(whole("padded"))


def test_a_kill_while_a_checkpoint_is_written_leaves_only_whole_ones(start: Start, resume: Callable[..., int]) -> None:
    within = f"{ASIDE}/checkpoint-4/trainer_state.json"
    folder, child = start("train.save_steps=1", "train.keep_checkpoints=3", program=halting(within))
    wait_until_halted(folder, child)
    kill(child)
    assert (folder.checkpoints / within).parent.is_dir(), "it was killed beside a checkpoint, not within one"
    assert [(kept.step, kept.problem) for kept in checkpoints(folder.checkpoints)] == [(3, None), (2, None), (1, None)]
    assert resume(folder) == 0
    assert not (folder.checkpoints / ASIDE).exists()
    assert read_run(folder)[1] is Status.FINISHED
