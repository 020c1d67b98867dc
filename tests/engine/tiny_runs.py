"""Runs of the tiny model: their settings, and waiting for what their record says."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.runs import events
from core.runs.events import AnyEvent
from core.runs.folder import RunFolder
from core.runs.record import Tail

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

SECONDS = 120
MIB = 1 << 20


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
