"""A run's card has its memory back: the card that the run is on, not the first one. `pytest -n 0 -m gpu`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from core.machine.gpus import only, visible_gpus
from core.machine.visible import GPU_VARIABLE
from core.profile.load import parse_profile
from core.runs.events import Device, Started, Step
from core.runs.folder import RunFolder, create_run
from core.runs.process import describe_this_process
from core.runs.state import RunState, fold
from core.runs.stopping import RETURN_SECONDS, CardMemory

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card"),
]
HELD = 2 << 30
HOLDER = f"""
import torch
held = torch.empty({HELD}, dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
print("held", flush=True)
input()
"""


@pytest.fixture(params=[0, -1], ids=["first", "last"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    gpu = visible_gpus()[request.param]
    monkeypatch.delenv(GPU_VARIABLE, raising=False)
    return gpu


@pytest.fixture
def holder(gpu: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds HELD bytes of the card."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], env={**os.environ, **only(gpu)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_it_is_held_until_the_process_on_that_card_is_gone(
    gpu: str, holder: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    memory = CardMemory(run_on(gpu, tmp_path))
    state = fold(RunState(), [started(), step(HELD)])
    assert memory.held(state) > HELD / 2
    holder.kill()
    holder.wait()
    deadline = time.monotonic() + RETURN_SECONDS
    while memory.held(state):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_on(gpu: str, runs: Path) -> RunFolder:
    folder = create_run(runs, parse_profile("", source="test"), text="", name="held")
    folder.write_info(replace(describe_this_process(["test"]), gpu=gpu))
    return folder


def started() -> Started:
    device = Device(kind="cuda", name="card", memory=1)
    return Started(
        rows_train=1, rows_eval=1, rows_cut=0, tokens_train=1, steps=1, global_batch=1, trainable_parameters=1,
        total_parameters=1, precision="bf16", device=device, prior_log_loss=1.0,
    )  # fmt: skip


def step(reserved: int) -> Step:
    return Step(
        step=1, epoch=1.0, loss=1.0, learning_rate=1.0, grad_norm=1.0, tokens=1, tokens_per_second=1.0,
        memory_allocated=reserved, memory_reserved=reserved, memory_peak=reserved,
    )  # fmt: skip
