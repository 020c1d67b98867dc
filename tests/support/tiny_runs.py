"""Runs of the tiny model: their settings, and waiting for what their record says."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.profile.load import parse_profile
from core.runs import events
from core.runs.events import AnyEvent
from core.runs.folder import RunFolder, create_run
from core.runs.process import launch
from core.runs.protocol import TRAIN
from core.runs.record import Tail
from core.runs.state import read_run

Start = Callable[..., tuple[RunFolder, "subprocess.Popen[bytes]"]]

SETTINGS = """
[tokens]
max_length = 64
[model]
quantization = "none"
[lora]
freeze_layers = 1
dropout = 0.0
[train]
per_device_batch_size = 4
gradient_accumulation = 2
learning_rate = 1e-3
warmup_steps = 2
log_steps = 1
optimizer = "adamw_torch"
"""

SECONDS = 240
MIB = 1 << 20


@contextmanager
def starting(runs: Path, checkpoint: Path, train_csv: Path) -> Iterator[Start]:
    """Launches runs of the tiny model, `overrides` on top of SETTINGS; children left over are killed."""
    children = []

    def start(*overrides: str, program: Sequence[str] = TRAIN) -> tuple[RunFolder, "subprocess.Popen[bytes]"]:
        own = (f"data.train={train_csv}", f"model.checkpoint={checkpoint}")
        profile = parse_profile(SETTINGS, source="tiny", overrides=[*own, *overrides])
        folder = create_run(runs, profile, text=SETTINGS, name="tiny")
        child = launch(folder, program)
        children.append(child)
        return folder, child

    yield start
    for child in children:
        child.kill()
        child.wait()


def halting(place: int | str) -> tuple[str, ...]:
    """The engine, which stops itself before optimizer step `place`, or when a file whose name ends so is opened."""
    return (sys.executable, "-P", str(Path(__file__).parent / "halting_engine.py"), str(place))


def wait_until_halted(folder: RunFolder, child: "subprocess.Popen[bytes]") -> None:
    """Wait until the child of `halting` has come to its place."""
    how = os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert how is not None
    assert how.si_code == os.CLD_STOPPED, folder.console_log.read_text()


def kill(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()


def copy_of(run: RunFolder, place: Path) -> RunFolder:
    """One of a test's own, of a run that others look at too; without its predictions."""
    return RunFolder(Path(shutil.copytree(run.path, place, ignore=shutil.ignore_patterns("predictions"))))


def wait_for(folder: RunFolder, kind: type[AnyEvent], **fields: object) -> AnyEvent:
    """The first event of `kind` with these fields; fails with the log if it does not come."""
    tail, deadline = Tail(folder.events), time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for event in tail.read():
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in fields.items()):
                return event
            assert not isinstance(event, events.Failed), event
        time.sleep(0.05)
    pytest.fail(f"no {kind.__name__} within {SECONDS} s:\n{folder.console_log.read_text()}")


def fill(disk: Path) -> Path:
    """Leave not a byte on `disk`; the file that takes it all."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MIB, 1):
            while True:
                try:
                    file.write(bytes(size))
                except OSError:
                    break
    return filler


def measured(folder: RunFolder) -> tuple[list[Any], list[Any]]:
    """What counts the steps, which must be equal, and what is measured at them, which may be rounded otherwise."""
    state = read_run(folder)[0]
    counted = [(step.step, step.tokens, step.epoch, step.learning_rate) for step in state.steps]
    figures = [(step.loss, step.grad_norm) for step in state.steps]
    return counted, [*figures, *((one.log_loss, one.accuracy) for one in state.evaluations)]
