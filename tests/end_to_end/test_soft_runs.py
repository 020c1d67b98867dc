"""Runs with weights and soft labels: trained by both engines, resumed, evaluated by labels, and told everywhere."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from command_line import arena_tui
from pyarrow import parquet
from sklearn.metrics import log_loss
from tiny_runs import SECONDS, Start, halting, kill, wait_until_halted

from core.data.example import PARTS
from core.engine.scores import softmax
from core.outcomes import A_B_TIE
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.process import launch
from core.runs.protocol import RESUME, TRAIN
from core.runs.record import Tail
from core.runs.resume import prepare
from core.runs.state import read_run

SETTINGS = ("data.soft_labels=true", "data.columns.weight=votes", "eval.swap=true", "train.epochs=2")


def write_soft(path: Path) -> Path:
    """The tiny rows with probabilities, and weights from 0 to 4; some rows have no most probable outcome."""
    lines = []
    for number, row in enumerate(tiny.rows(60)):
        label = [row[column] for column in tiny.COLUMNS[6:]].index("1")
        sure = (1.0, 0.5, 1 / 3)[number % 3]
        chances = [sure if outcome == label else (1 - sure) / 2 for outcome in range(3)]
        if number % 6 == 1:
            chances = [0.5, 0.5, 0.0]
        lines.append(
            {"id": row["id"], **{part: json.loads(row[part]) for part in PARTS}, "votes": number % 5}
            | dict(zip(("probability_a", "probability_b", "probability_tie"), chances, strict=True))
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def soft_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_soft(tmp_path_factory.mktemp("soft") / "soft.jsonl")


@pytest.fixture(scope="module")
def run(start_shared: Start, soft_rows: Path) -> RunFolder:
    folder, child = start_shared(f"data.train={soft_rows}", *SETTINGS)
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    return folder


def curve(folder: RunFolder) -> list[tuple[float | None, ...]]:
    state = read_run(folder)[0]
    return [
        *((step.loss, step.grad_norm) for step in state.steps),
        *((one.log_loss, one.accuracy) for one in state.evaluations),
    ]


def logits_in(folder: RunFolder, prefix: str = "") -> "np.ndarray[Any, Any]":
    table = parquet.read_table(folder.evaluation)
    return np.stack([table[f"{prefix}{column}"].to_numpy() for column in A_B_TIE.logits], axis=1)


def test_it_is_evaluated_by_labels_and_says_how_rows_count(run: RunFolder, soft_rows: Path, tmp_path: Path) -> None:
    metrics = read_metrics(run.metrics)
    labels = parquet.read_table(run.evaluation)["label"].to_pylist()
    assert metrics
    assert metrics.log_loss == pytest.approx(log_loss(labels, softmax(logits_in(run)), labels=[0, 1, 2]), abs=1e-6)
    told = [event.detail for event in Tail(run.events).read() if isinstance(event, events.Phase)]
    weighed = "; weights 0 to 4, 2 on average; soft labels of 60 rows: A 0."
    assert any(weighed in detail for detail in told)
    note = "in training labels are soft and rows weigh what their column of data.columns.weight says; evaluation counts"
    assert f" Note: {note}" in (run.adapter / "README.md").read_text()
    reported = arena_tui("report", str(run.path), cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert f"! {note[:40]}" in reported.stdout
    inspected = arena_tui(
        "inspect", str(soft_rows), "--tokenizer", str(run.adapter), "--json",
        *(part for setting in SETTINGS[:2] for part in ("--set", setting)), cwd=tmp_path,
    )  # fmt: skip
    assert inspected.returncode == 0, inspected.stderr
    [read] = json.loads(inspected.stdout)["read"]
    assert read["weights"] == {"lowest": 0, "highest": 4, "mean": 2}
    assert read["soft_labels"]["rows"] == 60
    assert sum(read["soft_labels"]["probabilities"]) == pytest.approx(1)
    assert 0 < read["soft_labels"]["entropy"] < np.log(3)


def test_a_packed_run_that_is_resumed_follows_the_padded_one(start: Start, soft_rows: Path, run: RunFolder) -> None:
    folder, child = start(
        f"data.train={soft_rows}", *SETTINGS, "train.engine=packed", "train.save_steps=3", program=halting(5)
    )
    wait_until_halted(folder, child)
    kill(child)
    prepare(folder)
    assert launch(folder, (*TRAIN, RESUME)).wait(SECONDS) == 0, folder.console_log.read_text()
    assert np.allclose(curve(folder), curve(run), atol=2e-3)
    for prefix in ("", "swapped_"):
        assert np.allclose(logits_in(folder, prefix), logits_in(run, prefix), atol=5e-3)
    losses = [step.loss for step in read_run(run)[0].steps if step.loss is not None]
    assert np.ptp(losses[:6]) > 0.3, "a model that knows nothing yet loses more in steps of heavy rows"
