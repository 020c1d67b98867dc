"""All folds of a profile, trained through the queue, answer for each row once."""

import json
from pathlib import Path

import pytest
from command_line import arena_tui
from pyarrow import parquet
from queued import until_status
from tiny_runs import SETTINGS

from core.data.rows import read_comparisons
from core.profile.data_settings import Data
from core.runs.folder import list_runs
from core.runs.metrics import read_metrics
from core.runs.state import Status

pytestmark = pytest.mark.slow


def test_folds_are_trained_one_after_the_other_and_their_rows_joined(
    checkpoint: Path, train_csv: Path, tmp_path: Path
) -> None:
    own = f'[data]\ntrain = "{train_csv}"\n[split]\nn_splits = 2\n'
    base = f'[model]\ncheckpoint = "{checkpoint}"\n'
    (tmp_path / "tiny.toml").write_text(
        own + SETTINGS.replace("[model]\n", base).replace("[train]\n", "[train]\nepochs = 0.2\n")
    )
    asked = arena_tui("folds", "tiny.toml", "--json", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    runs = list_runs(tmp_path / "runs")
    assert len(runs) == 2
    for run in runs:
        until_status(run, Status.FINISHED)
    files = ["--table", "all.parquet", "--teacher", "all.csv"]
    asked = arena_tui("folds", "tiny.toml", "--json", *files, cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    told = json.loads(asked.stdout)
    assert len(list_runs(tmp_path / "runs")) == 2
    joint = told["out_of_fold"]
    metrics = [read_metrics(run.metrics) for run in runs]
    assert joint["rows"] == 60 == sum(one.rows_eval for one in metrics if one)
    mean = sum(one.log_loss * one.rows_eval for one in metrics if one and one.log_loss is not None) / 60
    assert joint["log_loss"]["value"] == pytest.approx(mean, abs=1e-6)
    assert joint["log_loss"]["low"] < mean < joint["log_loss"]["high"]
    rows = read_comparisons(str(train_csv), Data(), "a-b-tie")
    assert joint["prompts"] == len({row.prompt for row in rows})
    table = parquet.read_table(tmp_path / "all.parquet").to_pydict()
    assert dict(zip(table["id"], table["label"], strict=True)) == {row.id: row.label for row in rows}
    assert dict(zip(table["id"], table["fold"], strict=True)) == {row.id: row.index % 2 for row in rows}
    assert (tmp_path / "all.csv").read_text().startswith("id,probability_a,probability_b,probability_tie\n")
