"""Plays the engine: a real process that writes a run's record, and acts out one scenario.

Called with the scenario and the run folder. Figures are made up but follow a fixed course.
"""

import math
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from core.profile.load import Change
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.lock import locked
from core.runs.process import describe_this_process, own_ranks
from core.runs.protocol import OTHER_AT_WORK
from core.runs.record import Record
from core.runs.stopping import Rung

HOSTILE = "[red]x[/red] [/] \x1b[2J\x1b]0;title\x07 \u202egnp.exe\u202c\nsecond line " + "long " * 60
STEPS = 400
GIB = 2**30


OUT_OF_MEMORY = events.Failed(
    cause="GPU memory ran out: CUDA out of memory. Tried to allocate 9.50 GiB",
    advice="Compute fewer rows at once, with the same global batch.",
    exit_code=1,
    changes=[
        Change("train.per_device_batch_size", 2, 1),
        Change("train.gradient_accumulation", 4, 8),
        Change("train.gradient_checkpointing", False, True),
    ],
    kept="checkpoints/checkpoint-200",
)


class Told(BaseException):
    """A signal asked for the end."""


def started(steps: int = STEPS) -> events.Started:
    return events.Started(
        rows_train=45_981,
        rows_eval=11_496,
        rows_cut=7_817,
        tokens_train=25_300_000,
        steps=steps,
        global_batch=8,
        trainable_parameters=7_891_456,
        total_parameters=9_249_608_192,
        precision="bf16",
        device=events.Device(kind="cuda", name="NVIDIA H200", memory=140 * GIB),
        prior_log_loss=1.0971,
    )


def step_event(step: int, steps: int = STEPS, *, at: float, loss: float | None = 0.0) -> events.Step:
    """The reading after `step`; `loss` 0 means the fixed course."""
    wave = 0.06 * math.sin(step * 1.7) + 0.04 * math.sin(step * 0.61)
    course = 0.93 + 0.2 * math.exp(-6 * step / steps) + wave
    return events.Step(
        time=at,
        step=step,
        epoch=step / steps,
        loss=course if loss == 0.0 else loss,
        learning_rate=2e-4 * (1 - step / steps),
        grad_norm=1.5 + abs(math.sin(step * 0.9)) * (6 if step % 170 == 0 else 1),
        tokens=step * 63_250_000 // steps // 3,
        tokens_per_second=15_480 + 300 * math.sin(step * 0.3),
        memory_allocated=int(31.2 * GIB),
        memory_reserved=int(36.1 * GIB),
        memory_peak=int(33.0 * GIB),
    )


def train(record: Record, folder: RunFolder, scenario: str, pause: float) -> None:
    """The course of a run up to its last event."""
    first = 200 if "--resume" in sys.argv else 0
    record.write(events.Phase(phase="loading"))
    record.write(events.Phase(phase="tokenizing", done=45_981, total=45_981, unit="rows"))
    record.write(started())
    if scenario == "hostile":
        record.write(events.Warning(message=HOSTILE))
        print(HOSTILE, flush=True)
    for step in range(first, STEPS + 1, 10):
        record.write(events.Phase(phase="training", done=step, total=STEPS, unit="steps"))
        time.sleep(pause)
        if step == first:
            continue
        missing = scenario == "nan" and 100 <= step <= 140
        record.write(step_event(step, at=time.time(), loss=None if missing else 0.0))
        print(f"step {step} of {STEPS}", flush=True)
        if step % 100 == 0:
            folder_name = f"checkpoints/checkpoint-{step}"
            (folder.path / folder_name).mkdir(parents=True, exist_ok=True)
            record.write(events.Checkpoint(step=step, folder=folder_name))
        if step == 200:
            act(scenario)
    record.write(events.Phase(phase="evaluating", done=1, total=2_874, unit="batches"))
    record.write(events.Evaluated(step=STEPS, epoch=1, log_loss=0.9402, accuracy=0.551, rows=11_496, seconds=9))


def act(scenario: str) -> None:
    """What goes wrong half-way."""
    match scenario:
        case "crash":
            print("Segmentation fault", flush=True)
            os._exit(139)
        case "hang" | "deaf":
            while True:
                time.sleep(0.05)
        case "long line":
            print("x" * 200_000, flush=True)
        case "no newlines":
            for i in range(2_000):
                print(f"\rfetching {i}", end="", flush=True)
        case "fail" | "hostile" | "lingering":
            raise RuntimeError(HOSTILE)
        case "out of memory" if "out of memory" in Path(sys.argv[-1], "profile.toml").read_text():
            raise MemoryError


def main(scenario: str, folder: RunFolder) -> int:
    """Plays `scenario` in `folder`."""
    if scenario == "refuse":
        print(f"cannot start {HOSTILE}", file=sys.stderr)
        return 3
    with locked(folder.lock) as is_ours:
        has_begun = folder.info.exists() and "--resume" not in sys.argv
        return play(scenario, folder) if is_ours and not has_begun else OTHER_AT_WORK


def play(scenario: str, folder: RunFolder) -> int:
    """As the run's only process."""
    pause = float(os.environ.get("SCRIPTED_PAUSE", "0.01"))
    told: list[str] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        told.append(name)
        record.write(events.Stopping(signal=name))
        raise Told

    for number in (Rung.SAVE.value, Rung.NOW.value):
        signal.signal(number, signal.SIG_IGN if scenario == "deaf" else hear)
    with Record(folder.events) as record:
        folder.write_info(describe_this_process(sys.argv, *own_ranks(folder)))
        if "--resume" in sys.argv:
            record.write(events.Resumed(step=200, checkpoint="checkpoints/checkpoint-200"))
            scenario = "ok"
        try:
            train(record, folder, scenario, pause)
        except Told:
            record.write(events.Cancelled(signal=told[0], step=200, kept="checkpoints/checkpoint-200"))
            return 143
        except MemoryError:
            record.write(OUT_OF_MEMORY)
            return 1
        except RuntimeError as error:
            record.write(events.Failed(cause=str(error), advice=f"Do this: {error}", exit_code=1))
            if scenario == "lingering":  # the last event is not yet the exit
                time.sleep(2)
            return 1
        folder.adapter.mkdir()
        record.write(events.Finished(log_loss=0.9402, accuracy=0.551))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], RunFolder(Path(sys.argv[-1]))))
