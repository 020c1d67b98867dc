"""Runs of the packed engine, in real child processes: the same steps, the same curve, the same figures."""

from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from tiny_runs import SECONDS, Start, halting, kill, wait_until_halted

from core.runs import events
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.process import launch
from core.runs.protocol import RESUME, TRAIN
from core.runs.record import Tail
from core.runs.resume import prepare
from core.runs.state import read_run

pytestmark = pytest.mark.xdist_group("finished run")

# 47 training rows in batches of 8: the last step of an epoch is smaller, and so is its last batch of 4.
RUN = (
    "train.epochs=2", "eval.every=4", "model.quantization=nf4", "lora.target_modules=all-linear", "data.limit=59",
    "train.save_steps=5", "lora.dropout=0.2",
)  # fmt: skip


@pytest.fixture(scope="module")
def padded(start_shared: Start) -> RunFolder:
    folder, child = start_shared(*RUN, "train.engine=padded")
    assert child.wait(SECONDS) == 0
    return folder


def curve(folder: RunFolder) -> tuple[list[Any], list[Any]]:
    """What counts the steps, and what is measured at them."""
    state = read_run(folder)[0]
    steps = [(s.step, s.tokens, s.epoch, s.learning_rate) for s in state.steps]
    measured = [(s.loss, s.grad_norm) for s in state.steps]
    counted = [*steps, *((e.step, e.rows) for e in state.evaluations)]
    return counted, [*measured, *((e.log_loss, e.accuracy) for e in state.evaluations)]


def started(folder: RunFolder) -> events.Started:
    (event,) = (event for event in Tail(folder.events).read() if isinstance(event, events.Started))
    return event


def logits(folder: RunFolder) -> Any:
    table = parquet.read_table(folder.evaluation)
    return table["id"].to_pylist(), np.stack([table[f"logit_{name}"] for name in ("a", "b", "tie")], axis=1)


@pytest.mark.parametrize("memory", ["auto", "small"])
def test_packed_and_padded_runs_take_the_same_steps_and_follow_each_other(
    memory: str, start: Start, padded: RunFolder
) -> None:
    packed, child = start(*RUN, "train.engine=packed", f"train.memory={memory}")
    assert child.wait(SECONDS) == 0

    (counted, measured), (counted_too, measured_too) = curve(padded), curve(packed)
    assert counted == counted_too
    assert len(counted) == 12 + 3
    assert np.allclose(measured, measured_too, atol=2e-3)
    (ids, one), (ids_too, two) = logits(padded), logits(packed)
    assert ids == ids_too
    assert np.allclose(one, two, atol=5e-3)
    assert started(padded).engine == "padded"
    assert started(packed).engine == "packed"
    assert f"rows of {4 if memory == 'small' else 8}" in started(packed).engine_reason
    assert [metrics.engine for run in (padded, packed) if (metrics := read_metrics(run.metrics))] == [
        "padded",
        "packed",
    ]


def test_a_run_may_go_on_with_the_other_engine(start: Start, padded: RunFolder) -> None:
    """Same rows, same steps, same optimizer state; only sums are rounded otherwise."""
    folder, child = start(*RUN, "train.engine=padded", program=halting(7))
    wait_until_halted(folder, child)
    kill(child)
    prepare(folder, ("train.engine=packed",))
    assert launch(folder, (*TRAIN, RESUME)).wait(SECONDS) == 0
    (counted, measured), (counted_too, measured_too) = curve(padded), curve(folder)
    assert counted == counted_too
    assert np.allclose(measured, measured_too, atol=2e-3)


def test_on_a_processor_auto_is_padded_and_the_record_says_why(finished: RunFolder) -> None:
    assert started(finished).engine == "padded"
    assert "on a processor" in started(finished).engine_reason
