"""Families from end to end, in real child processes: a prediction answers what the run's evaluation answered."""

import subprocess
import sys
from pathlib import Path

import families
import numpy as np
import pytest
import tiny
import torch
from pyarrow import parquet
from safetensors.torch import load_file, save_file
from tiny_runs import SECONDS, SETTINGS

from core.predict.actions import create_prediction
from core.predict.protocol import PREDICT
from core.predict.request import Request, choose_members
from core.profile.load import parse_profile
from core.runs.events import Failed, Started, Warning
from core.runs.folder import RunFolder, create_run
from core.runs.process import launch
from core.runs.record import Tail

LOGITS = ("logit_a", "logit_b", "logit_tie")
NOT_QUANTIZED = {"falcon", "mixtral", "t5", "xlnet"}
NOT_IN_BF16 = {"deberta-v2"}
EVERYWHERE = ("lora.freeze_layers=0", "lora.target_modules=all-linear", "train.learning_rate=0.02")


def trained(family: str, folder: Path, *overrides: str, ends: int = 0) -> RunFolder:
    return trained_on(families.save_checkpoint(family, folder / "base"), folder, *EVERYWHERE, *overrides, ends=ends)


def trained_on(base: Path, folder: Path, *overrides: str, ends: int = 0) -> RunFolder:
    rows = tiny.write_csv(folder / "train.csv", tiny.rows(40))
    own = (f"data.train={rows}", f"model.checkpoint={base}", *overrides)
    profile = parse_profile(SETTINGS, source="tiny", overrides=own)
    run = create_run(folder / "runs", profile, text=SETTINGS, name="tiny")
    assert launch(run).wait(SECONDS) == ends, run.console_log.read_text()
    return run


def evaluated(run: RunFolder) -> dict[int, list[float]]:
    """Logits by id, as the run's last evaluation left them."""
    table = parquet.read_table(run.evaluation).to_pydict()
    return {id: [table[name][row] for name in LOGITS] for row, id in enumerate(table["id"])}


def predicted(run: RunFolder) -> dict[int, list[float]]:
    """Those of a prediction of the same file."""
    rows = run.path.parents[1] / "train.csv"
    prediction = create_prediction(Request(members=choose_members([run]), test=str(rows)))
    assert launch(prediction, PREDICT).wait(SECONDS) == 0, prediction.console_log.read_text()
    table = parquet.read_table(prediction.table).to_pydict()
    return {id: [table[f"run_1_{name}"][row] for name in LOGITS] for row, id in enumerate(table["id"])}


def apart(run: RunFolder) -> float:
    """How far prediction and evaluation lie apart at most."""
    one, other = evaluated(run), predicted(run)
    return float(np.abs(np.array(list(one.values())) - np.array([other[id] for id in one])).max())


@pytest.mark.parametrize("family", ["bert", "qwen-2"])
def test_a_prediction_answers_as_the_evaluation_did(family: str, tmp_path: Path) -> None:
    """BERT's pooler is new and random, and Qwen-2 pads with its EOS."""
    assert apart(trained(family, tmp_path)) < 2e-4


def test_a_reward_model_that_transformers_has_no_classifier_for_trains_and_its_card_loads_it(tmp_path: Path) -> None:
    base = families.save_checkpoint("gemma-4 with images", tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    save_file(weights | {"score.weight": torch.ones(1, 64)}, base / "model.safetensors", metadata={"format": "pt"})
    run = trained_on(base, tmp_path)
    assert apart(run) < 2e-4

    record = Tail(run.events).read()
    (said,) = (event.message for event in record if isinstance(event, Warning) and "head" in event.message)
    assert said == f"{base}: its head (score, 1 output) is replaced by a new one"
    (started,) = (event for event in record if isinstance(event, Started))
    assert started.adapted == ["q_proj", "k_proj", "v_proj"]

    code = (run.adapter / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert "arena" not in code
    script = tmp_path / "example.py"
    script.write_text(code.replace('"this folder"', repr(str(run.adapter))))
    ran = subprocess.run([sys.executable, "-P", script], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("tensor([[0.")


ON_CARD = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card"),
]


@pytest.mark.parametrize("quantization", ["nf4", "none"])
@pytest.mark.parametrize(
    "family",
    [pytest.param(family, marks=ON_CARD) for family in sorted(set(families.MODELS) - NOT_QUANTIZED - NOT_IN_BF16)],
)
def test_on_a_card_too_within_the_rounding_of_bf16(family: str, quantization: str, tmp_path: Path) -> None:
    held = (f"model.quantization={quantization}", f"train.gradient_checkpointing={str(family != 'albert').lower()}")
    assert apart(trained(family, tmp_path, *held)) < 0.02


@pytest.mark.parametrize("quantization", [pytest.param(one, marks=ON_CARD) for one in ("nf4", "int8")])
def test_deberta_quantized_is_refused_in_bf16_in_words(quantization: str, tmp_path: Path) -> None:
    run = trained("deberta-v2", tmp_path, f"model.quantization={quantization}", ends=2)
    (failed,) = (event for event in Tail(run.events).read() if isinstance(event, Failed))
    assert "deberta-v2 does not compute in bfloat16 as it is held" in failed.cause
