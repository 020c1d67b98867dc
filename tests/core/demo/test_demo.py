"""The demo, end to end as a user starts it: made, trained in NF4 with 8-bit AdamW, evaluated, and read back."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import read_examples
from peft import AutoPeftModelForSequenceClassification, PeftModel
from places import ROOT
from pyarrow import parquet
from transformers import AutoModelForSequenceClassification, BitsAndBytesConfig

from arena_tui.format.numbers import percent
from core.data.split import split
from core.data.template import RECIPE
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.profile import settings
from core.profile.data_settings import Data
from core.profile.token_settings import Tokens
from core.runs import events
from core.runs.folder import RunFolder, list_runs
from core.runs.record import Tail

pytestmark = pytest.mark.xdist_group("demo")


HEARS = """
import os, runpy, sys

def say(event, arguments):
    if event == "import" and arguments[0] == "torch":
        print("torch finds", os.environ.get("OMP_WAIT_POLICY"), flush=True)
        os._exit(0)

sys.addaudithook(say)
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "program",
    [["core.plan", "runs", "demo.toml"], ["core.bench", "{}"], ["core.predict.export", "run", "a", "--merged=m"]],
)
def test_threads_that_wait_for_work_sleep_in_every_process_that_computes(program: list[str], tmp_path: Path) -> None:
    """A plan makes the demo's base. Beside other work, threads that spin take most of a processor."""
    (tmp_path / "demo.toml").write_text((ROOT / "profiles" / "demo.toml").read_text())
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    ran = subprocess.run(
        [sys.executable, "-P", "-c", HEARS, *program],
        cwd=tmp_path,
        env={**environment, "ARENA_TUI_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert "torch finds PASSIVE" in ran.stdout, ran.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def finished(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    """The run that `arena-tui demo` leaves behind in a pipe, and what it printed."""
    runs = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-P", "-m", "arena_tui", "demo", "--runs-dir", str(runs)]
    ran = subprocess.run(
        command,
        env={**os.environ, "ARENA_TUI_CACHE": str(cache)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    [folder] = list_runs(runs)
    return folder, ran.stdout


def test_the_demo_learns_and_says_so_line_by_line(finished: tuple[RunFolder, str]) -> None:
    folder, printed = finished
    metrics = json.loads(folder.metrics.read_text())
    assert metrics["log_loss"] < 1.0
    assert metrics["log_loss"] < metrics["prior_log_loss"] - 0.2
    lines = printed.splitlines()
    assert sum(line.startswith("step") for line in lines) == 51
    assert (
        lines[-1] == f"finished: evaluation log loss {metrics['log_loss']:.4f}, accuracy {percent(metrics['accuracy'])}"
    )
    assert "\x1b" not in printed


def test_its_record_tells_the_whole_run(finished: tuple[RunFolder, str]) -> None:
    record = Tail(finished[0].events).read()
    kinds = {type(event) for event in record}
    assert {events.Phase, events.Started, events.Step, events.Evaluated, events.Checkpoint, events.Finished} <= kinds
    started = next(event for event in record if isinstance(event, events.Started))
    steps = [event for event in record if isinstance(event, events.Step)]
    assert (started.rows_train, started.rows_eval, started.steps) == (400, 100, 100)
    assert started.rows_cut > 20
    assert steps[-1].tokens == 2 * started.tokens_train
    assert all(step.memory_peak >= step.memory_allocated > 2**20 for step in steps)
    phases = [event.phase for event in record if isinstance(event, events.Phase)]
    assert list(dict.fromkeys(phases)) == ["loading", "tokenizing", "training", "evaluating", "saving"]


def test_the_adapter_alone_reproduces_the_evaluation(finished: tuple[RunFolder, str], cache: Path) -> None:
    folder = finished[0]
    source = cache / "demo-1" / "model"
    quantized = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32, llm_int8_skip_modules=["score"],
    )  # fmt: skip
    base = AutoModelForSequenceClassification.from_pretrained(
        source, num_labels=3, quantization_config=quantized, device_map={"": "cpu"}, pad_token_id=0
    )
    for module in base.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # else some processors score in bfloat16, others in float32
    model = PeftModel.from_pretrained(base, folder.adapter).eval()
    tokenizer = PromptTokenizer(folder.adapter)

    _, rows = split(read_examples(str(cache / "demo-1" / "train.csv"), Data()), settings.Split())
    encoded = [row for batch in encode(rows, tokenizer, Tokens(max_length=128), RECIPE) for row in batch]
    with torch.no_grad():
        logits = np.array([model(torch.tensor([row.ids.tolist()])).logits[0].tolist() for row in encoded])
    table = parquet.read_table(folder.evaluation).to_pydict()
    stored = np.array([table["logit_a"], table["logit_b"], table["logit_tie"]]).T
    np.testing.assert_allclose(logits, stored, atol=1e-4)
    assert table["id"] == [row.example.id for row in encoded]
    assert table["tokens"] == [len(row.ids) for row in encoded]
    assert table["is_cut"] == [row.is_cut for row in encoded]
    assert table["response_b_tokens_lost"] == [row.lost[2] for row in encoded]
    assert any(table["is_cut"])


def test_the_adapter_folder_names_its_base(finished: tuple[RunFolder, str]) -> None:
    model = AutoPeftModelForSequenceClassification.from_pretrained(finished[0].adapter, num_labels=3)
    trained = {name.split(".")[-4] for name, _ in model.named_parameters() if "lora_A" in name}
    assert trained == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.usefixtures("finished")
def test_its_rows_hold_what_real_ones_hold(cache: Path) -> None:
    with (cache / "demo-1" / "train.csv").open(newline="") as file:
        raw = list(csv.DictReader(file))
    cells = [json.loads(row[part]) for row in raw for part in ("prompt", "response_a", "response_b")]
    assert any(None in cell for cell in cells)
    assert any("" in cell for cell in cells)
    assert any(len(cell) > 1 for cell in cells)
    assert any(int(row["id"]) > 2**53 for row in raw)
    examples = read_examples(str(cache / "demo-1" / "train.csv"), Data())
    assert {example.label for example in examples} == {0, 1, 2}
    assert any("�" in turn for example in examples for turn in example.prompt)  # a lone surrogate, replaced
