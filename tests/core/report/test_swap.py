"""eval.swap: the swapped copies are scored by the same model, paired by row, with their columns changed back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import read_examples
from peft import PeftModel
from pyarrow import parquet
from tiny_runs import SECONDS, Start, copy_of
from transformers import AutoModelForSequenceClassification

from core.data.example import PARTS, swapped
from core.data.template import RECIPE
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.predict.folder import list_predictions
from core.profile.data_settings import Data
from core.profile.token_settings import Tokens
from core.report.evaluation import read_evaluation
from core.report.groups import position_bias
from core.runs.folder import RunFolder

pytestmark = pytest.mark.xdist_group("finished run")


@pytest.fixture(scope="module")
def with_swap(start_shared: Start) -> Callable[[str], RunFolder]:
    """A finished run with eval.swap, by engine."""

    @cache
    def with_swap(engine: str) -> RunFolder:
        folder, child = start_shared("eval.swap=true", f"train.engine={engine}")
        assert child.wait(SECONDS) == 0, folder.console_log.read_text()
        return folder

    return with_swap


@pytest.mark.parametrize("engine", ["padded", "packed"])
def test_the_swapped_columns_are_what_the_adapter_gives_the_swapped_rows(
    engine: str, with_swap: Callable[[str], RunFolder], checkpoint: Path, train_csv: Path
) -> None:
    folder = with_swap(engine)
    table = parquet.read_table(folder.evaluation)
    rows = {row.id: row for row in read_examples(str(train_csv), Data())}
    copies = [swapped(rows[id]) for id in table["id"].to_pylist()]
    tokenizer = PromptTokenizer(checkpoint)
    [encoded] = encode(copies, tokenizer, Tokens(max_length=64), RECIPE)

    base = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder.adapter).eval()
    with torch.no_grad():
        logits = np.array([model(torch.tensor(row.ids)[None].long()).logits[0].numpy() for row in encoded])
    names = ("logit_a", "logit_b", "logit_tie")
    written = np.stack([table[f"swapped_{name}"].to_numpy() for name in names], axis=1)
    np.testing.assert_allclose(written, logits[:, [1, 0, 2]], atol=2e-5)
    plain = np.stack([table[name].to_numpy() for name in names], axis=1)
    assert not np.allclose(written, plain, atol=1e-3), "the order makes no difference: nothing would be seen here"

    [whole] = encode([rows[id] for id in table["id"].to_pylist()], tokenizer, Tokens(max_length=64), RECIPE)
    assert [tuple(of) for of in zip(*(table[f"{part}_tokens"].to_pylist() for part in PARTS), strict=True)] == [
        row.parts for row in whole
    ]
    found = position_bias(read_evaluation(folder))
    assert found is not None
    assert 0 <= found.flip_rate.value <= 1


def test_twice_swapped_is_the_row_itself(train_csv: Path) -> None:
    for row in read_examples(str(train_csv), Data()):
        assert swapped(swapped(row)) == row
        assert (swapped(row).response_a, swapped(row).prompt) == (row.response_b, row.prompt)


def test_score_swap_gives_a_run_without_it_what_eval_swap_would_have(
    with_swap: Callable[[str], RunFolder], finished: RunFolder, tmp_path: Path
) -> None:
    with_it, without = with_swap("padded"), copy_of(finished, tmp_path / "run")
    command = [sys.executable, "-P", "-m", "arena_tui", "report", str(without.path), "--score-swap", "--json"]
    environment = {**os.environ, "ARENA_TUI_CACHE": str(tmp_path / "cache")}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["position_bias"]["flip_rate"] is not None
    tables = [parquet.read_table(folder.evaluation) for folder in (with_it, without)]
    assert tables[0].column_names == tables[1].column_names
    for name in tables[0].column_names:
        ours, theirs = (table[name].to_numpy() for table in tables)
        np.testing.assert_allclose(ours, theirs, atol=2e-5, err_msg=name)
    assert list_predictions(without) == []
    assert not (without.path / "evaluation-exchanged.jsonl").exists()

    again = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert again.returncode == 0
    assert "both orders are scored already" in again.stderr


def test_score_swap_is_refused_where_the_rows_have_changed(
    finished: RunFolder, train_csv: Path, tmp_path: Path
) -> None:
    folder = copy_of(finished, tmp_path / "run")
    short = tmp_path / "short.csv"
    short.write_text("\n".join(train_csv.read_text().splitlines()[:12]) + "\n")
    before = folder.evaluation.read_bytes()
    command = [sys.executable, "-P", "-m", "arena_tui", "report", str(folder.path), "--score-swap"]
    for data, says in (
        (short, "of the evaluation rows are not in it"),
        (tmp_path / "gone.csv", "No such file or directory; --data names"),
    ):
        ran = subprocess.run([*command, "--data", str(data)], capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert says in ran.stderr
        assert "Traceback" not in ran.stderr
    assert folder.evaluation.read_bytes() == before
