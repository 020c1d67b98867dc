"""Runs as real child processes: stopped, failed and finished, and what each leaves behind."""

import copy
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
from peft import PeftModel
from places import SUPPORT
from tiny_runs import SECONDS, Start, halting, kill, wait_for, wait_until_halted
from transformers import AutoModelForSequenceClassification

from core.runs import events
from core.runs.checkpoints import checkpoints
from core.runs.events import AnyEvent
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.runs.state import RunState, Status, read_run
from core.runs.stopping import Rung, ask

pytestmark = pytest.mark.xdist_group("child")


def last_event(folder: RunFolder) -> AnyEvent:
    return Tail(folder.events).read()[-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 138)])
def test_a_stop_finishes_the_step_and_keeps_a_checkpoint_that_loads(
    number: signal.Signals, code: int, start: Start, checkpoint: Path
) -> None:
    folder, child = start("train.epochs=500", "train.save_steps=100000", "eval.every=100000")
    wait_for(folder, events.Step, step=3)
    os.kill(child.pid, number)
    assert child.wait(SECONDS) == code
    cancelled = last_event(folder)
    assert isinstance(cancelled, events.Cancelled)
    assert cancelled.signal == number.name
    assert cancelled.step >= 3
    assert cancelled.kept == f"checkpoints/checkpoint-{cancelled.step}"
    assert read_run(folder)[1] is Status.CANCELLED
    assert not folder.metrics.exists()

    kept = folder.path / cancelled.kept
    assert {"optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"} <= {
        file.name for file in kept.iterdir()
    }
    assert json.loads((kept / "trainer_state.json").read_text())["global_step"] == cancelled.step
    base = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3)
    assert cancelled.adapter == "adapter"
    logits = []
    for kept_adapter in (kept, folder.adapter):
        model = PeftModel.from_pretrained(copy.deepcopy(base), kept_adapter).eval()
        logits.append(model(torch.tensor([[2, 50, 60, 1]])).logits)
    assert torch.isfinite(logits[0]).all()
    assert torch.equal(*logits)


def test_a_stop_while_loading_ends_at_once_and_keeps_nothing(start: Start) -> None:
    folder, child = start(program=halting("train.csv"))
    wait_until_halted(folder, child)
    wait_for(folder, events.Phase, phase="loading")
    os.kill(child.pid, signal.SIGTERM)
    os.kill(child.pid, signal.SIGCONT)
    assert child.wait(SECONDS) == 143
    cancelled = last_event(folder)
    assert isinstance(cancelled, events.Cancelled)
    assert (cancelled.step, cancelled.kept) == (0, None)


SIGNALLED_IN_A_DESTRUCTOR = """
import os, sys
from pathlib import Path
from core.runs.record import Record
from core.runs.stop_request import SAVE, StopRequest, Stopped

class Dropped:
    def __del__(self):
        os.kill(os.getpid(), SAVE)

with Record(Path(sys.argv[1])) as record:
    stop = StopRequest(record, last_act=lambda: None)
    Dropped()
    print("Python went on")
    try:
        stop.heed()
    except Stopped:
        sys.exit(stop.exit_code)
"""


def test_a_stop_that_comes_where_python_ignores_exceptions_is_heeded_all_the_same(tmp_path: Path) -> None:
    program = [sys.executable, "-c", SIGNALLED_IN_A_DESTRUCTOR, str(tmp_path / "events.jsonl")]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ran.returncode, ran.stdout) == (143, "Python went on\n"), ran.stderr


def test_a_closed_terminal_ends_no_run_and_what_a_scheduler_sends_saves_however_often(start: Start) -> None:
    """Slurm's --signal first, then the system's own for used-up processor time, then SIGTERM at the limit."""
    folder, child = start("train.epochs=500", "train.save_steps=100000", "eval.every=100000")
    wait_for(folder, events.Step, step=2)
    child.send_signal(signal.SIGHUP)
    wait_for(folder, events.Step, step=4)
    for number in (signal.SIGUSR2, signal.SIGXCPU, signal.SIGUSR1, signal.SIGTERM):
        child.send_signal(number)
    child.wait(SECONDS)
    cancelled = last_event(folder)
    assert isinstance(cancelled, events.Cancelled)
    assert cancelled.signal != "SIGHUP", "of the others the system chooses which is heard first"
    assert cancelled.kept == f"checkpoints/checkpoint-{cancelled.step}"


def test_a_run_that_two_ask_to_stop_saves_all_the_same(start: Start) -> None:
    folder, child = start("train.epochs=500", "train.save_steps=100000", "eval.every=100000")
    wait_for(folder, events.Step, step=2)
    assert ask(folder, Rung.SAVE)
    ask(folder, Rung.SAVE)
    assert child.wait(SECONDS) == 143
    cancelled = last_event(folder)
    assert isinstance(cancelled, events.Cancelled)
    assert cancelled.kept == f"checkpoints/checkpoint-{cancelled.step}"


@pytest.mark.parametrize("signals", [[signal.SIGQUIT], [signal.SIGTERM, signal.SIGQUIT]])
def test_a_stop_at_once_waits_for_nothing_and_says_what_is_lost(signals: list[signal.Signals], start: Start) -> None:
    folder, child = start("train.epochs=500", "train.save_steps=2", "eval.every=100000")
    wait_for(folder, events.Checkpoint, step=2)
    for number in signals:  # one after the other without a pause: the first alone may end it within one
        child.send_signal(number)
    assert child.wait(SECONDS) == 128 + signals[-1]
    cancelled = last_event(folder)
    assert isinstance(cancelled, events.Cancelled)
    assert cancelled.signal == signals[-1].name
    assert cancelled.kept is not None
    kept = folder.path / cancelled.kept
    assert kept in [one.path for one in checkpoints(folder.checkpoints) if one.problem is None]


@pytest.fixture(scope="module")
def killed(start_shared: Start) -> tuple[tuple[RunState, Status], RunFolder]:
    """A run that was killed with signal 9 as it trained, and what its record said just before."""
    folder, child = start_shared("train.epochs=500", "eval.every=100000", "train.save_steps=100000")
    wait_for(folder, events.Step, step=5)
    before = read_run(folder)
    kill(child)
    return before, folder


def test_kill_9_is_seen_as_lost(killed: tuple[tuple[RunState, Status], RunFolder]) -> None:
    (_, status_before), folder = killed
    assert status_before is Status.RUNNING
    state, status = read_run(folder)
    assert status is Status.LOST
    assert state.step >= 5


def test_no_record_of_a_finished_step_is_lost_by_a_kill(killed: tuple[tuple[RunState, Status], RunFolder]) -> None:
    (before, _), folder = killed
    seen, after = before.steps, read_run(folder)[0].steps
    assert after[: len(seen)] == seen
    assert [step.step for step in after] == list(range(1, len(after) + 1))


@pytest.mark.parametrize(
    ("override", "code", "found"),
    [
        ("data.train=absent.csv", 2, "absent.csv: cannot be read: No such file"),
        ("lora.freeze_layers=9", 2, "lora.freeze_layers = 9: the model has 4 layers"),
    ],
)
def test_what_cannot_run_fails_with_cause_advice_and_exit_code(
    override: str, code: int, found: str, start: Start
) -> None:
    folder, child = start(override)
    assert child.wait(SECONDS) == code
    failed = last_event(folder)
    assert isinstance(failed, events.Failed)
    assert found in failed.cause
    assert failed.exit_code == code
    assert failed.advice
    assert "Traceback" in folder.console_log.read_text()
    assert read_run(folder)[1] is Status.FAILED


def test_a_base_whose_weights_are_not_finite_is_refused_before_the_first_step(start: Start, tmp_path: Path) -> None:
    broken = tiny.language_model()
    with torch.no_grad():
        broken.model.layers[1].mlp.down_proj.weight[0, 0] = math.nan
    folder, child = start(f"model.checkpoint={tiny.save_checkpoint(tmp_path / 'broken', broken)}")
    assert child.wait(SECONDS) == 2
    record = Tail(folder.events).read()
    assert not [event for event in record if isinstance(event, events.Started)]
    failed = record[-1]
    assert isinstance(failed, events.Failed)
    assert "its weights are not all finite numbers: model.layers.1.mlp.down_proj.weight" in failed.cause


def test_a_loss_that_is_not_finite_is_said_and_no_run_finishes_with_it(start: Start) -> None:
    engine = (sys.executable, "-P", str(SUPPORT / "failing_engine.py"), "poison", "4")
    folder, child = start("train.save_steps=1", program=engine)
    assert child.wait(SECONDS) == 1
    record = Tail(folder.events).read()
    losses = [event.loss for event in record if isinstance(event, events.Step)]
    assert [loss is None for loss in losses] == [False, True, True, True, True, True]
    assert [event.message for event in record if isinstance(event, events.Warning)] == [
        "the loss is not a finite number at step 2",
        *(f"no checkpoint is saved at step {n}: some trained weights are not finite numbers" for n in range(2, 7)),
    ]
    failed = record[-1]
    assert isinstance(failed, events.Failed)
    assert failed.cause == "the logits of the evaluation are not all finite numbers"
    assert failed.kept == "checkpoints/checkpoint-1"
    assert not folder.metrics.exists()


def test_the_same_seed_gives_the_same_losses_and_another_one_others(start: Start) -> None:
    losses = []
    for seed in (1, 1, 2):
        folder, child = start(
            "data.limit=30",
            f"train.seed={seed}",
            "lora.dropout=0.1",
            "model.quantization=nf4",
            "train.head_learning_rate=1e-2",
        )
        assert child.wait(SECONDS) == 0
        losses.append([event.loss for event in Tail(folder.events).read() if isinstance(event, events.Step)])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_old_checkpoints_are_deleted_and_evaluations_come_as_often_as_asked(start: Start) -> None:
    folder, child = start("train.epochs=2", "train.save_steps=3", "train.keep_checkpoints=2", "eval.every=5")
    assert child.wait(SECONDS) == 0
    record = Tail(folder.events).read()
    assert [event.step for event in record if isinstance(event, events.Checkpoint)] == [3, 6, 9, 12]
    assert sorted(file.name for file in folder.checkpoints.iterdir()) == ["checkpoint-12", "checkpoint-9"]
    assert [event.step for event in record if isinstance(event, events.Evaluated)] == [5, 10, 12]
