"""`arena-tui folds`: each fold is queued once, shows how far it is, and all together answer for every row."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from evaluated import write_evaluation
from pyarrow import parquet

from arena_tui.__main__ import main
from core.engine.scores import log_loss, softmax
from core.report.out_of_fold import joined
from core.report.protocol import OutOfFold
from core.report.report import Interval
from core.runs import events
from core.runs.average import ORDER
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.folds import folds
from core.runs.queue import Queue
from core.runs.record import Record

Captured = pytest.CaptureFixture[str]
THREE = ["demo", "--set", "split.n_splits=3"]
OVERRIDES = ["split.n_splits=3"]


@pytest.fixture(autouse=True)
def paused(runs: Path) -> None:
    """So that nothing is started: the engine itself would be."""
    Queue(runs).pause()


def queued(runs: Path) -> list[str]:
    return [run.name for run, _ in Queue(runs).waiting()]


def finish_all(  # type: ignore[type-arg]
    runs: Path, *, shared: int = 0, prompts: Sequence[int] | None = range(12)
) -> tuple[np.ndarray, list[int]]:
    """A finished run for each of three folds, with four rows each of which `shared` are in the next one too; their
    logits and labels. `prompts` numbers those of all rows, None for runs that do not tell."""
    logits, labels = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32), [0, 1, 2] * 4
    for fold in folds(runs, "demo", OVERRIDES):
        run = create_run(runs, fold.variant.profile, text="", name="demo")
        of_fold = slice(4 * fold.number, 4 * fold.number + 4)
        ids = [100 + row - shared * fold.number for row in range(12)][of_fold]
        write_evaluation(run.evaluation, ids, labels[of_fold], logits[of_fold], prompt=prompts and prompts[of_fold])
        with Record(run.events) as record:
            record.write(events.Evaluated(step=1, epoch=1.0, log_loss=1.0, accuracy=0.5, rows=4, seconds=1.0))
            record.write(events.Finished(log_loss=1.0, accuracy=0.5))
    return logits, labels


def test_each_fold_is_queued_once_and_shown(runs: Path, capsys: Captured) -> None:
    assert main(["folds", *THREE, "--status"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[:3]] == [
        ["fold", str(n), "–"] for n in range(3)
    ]
    assert queued(runs) == []
    assert main(["folds", *THREE, "--only", "0,2"]) == 0
    told = capsys.readouterr()
    assert "2 of 3 folds queued" in told.err
    assert [line.split()[2:4] for line in told.out.splitlines()[:3]] == [["◷", "queued"], ["–"], ["◷", "queued"]]
    assert queued(runs) == ["demo-fold-0", "demo-fold-2"]
    assert main(["folds", *THREE]) == 0
    assert main(["folds", *THREE, "--json"]) == 0
    assert len(queued(runs)) == 3
    told_last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [fold["state"] for fold in told_last["folds"]] == ["queued"] * 3
    assert (told_last["finished"], told_last["out_of_fold"]) == (0, None)
    assert main(["folds", *THREE, "--set", "train.seed=7", "--only", "1"]) == 0  # other settings are other runs
    assert len(queued(runs)) == 4


def test_a_fold_is_known_by_its_settings_whatever_its_name_and_an_average_is_none(runs: Path, capsys: Captured) -> None:
    for fold in folds(runs, "demo", OVERRIDES)[:2]:
        run = create_run(runs, fold.variant.profile, text="", name="demo")
        changed = run.resolved.read_text().replace("log_steps = 10", "log_steps = 1").replace("-fold-", "-other-")
        run.resolved.write_text(changed)
        if fold.number:
            (run.path / ORDER).write_text("{}")
    assert [fold.run is not None for fold in folds(runs, "demo", OVERRIDES)] == [True, False, False]
    assert main(["folds", *THREE, "--status"]) == 0
    assert "0 of 3 folds finished" in capsys.readouterr().out


def test_once_all_have_finished_their_rows_are_joined_and_written(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    logits, labels = finish_all(runs)
    table, teacher = tmp_path / "all.parquet", tmp_path / "teacher.csv"
    assert main(["folds", *THREE, "--table", str(table), "--teacher", str(teacher)]) == 0
    told = capsys.readouterr().out
    assert len(list_runs(runs)) == 3
    loss = log_loss(softmax(logits), labels)
    assert f"out of fold: log loss {loss:.4f} (" in told
    assert "12 rows" in told
    found = parquet.read_table(table).to_pydict()
    assert found["id"] == [*range(100, 112)]
    assert found["label"] == labels
    assert found["fold"] == [0] * 4 + [1] * 4 + [2] * 4
    with teacher.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "probability_a", "probability_b", "probability_tie"]
    np.testing.assert_allclose([list(map(float, row[1:])) for row in rows], softmax(logits), atol=1e-12)
    np.testing.assert_allclose(found["probability_tie"], softmax(logits)[:, 2], atol=1e-12)


def test_the_interval_is_by_prompt_and_where_these_are_not_known_there_is_none(runs: Path, capsys: Captured) -> None:
    def finished(prompts: Sequence[int] | None) -> OutOfFold:
        for run in list_runs(runs):
            shutil.rmtree(run.path)
        finish_all(runs, prompts=prompts)
        return joined(list_runs(runs), None, None)

    apart = finished(range(12))
    paired = finished([n % 6 for n in range(12)])  # in the next fold but one: by the same number in all runs
    assert main(["folds", *THREE]) == 0
    assert "12 rows, by 6 prompts" in capsys.readouterr().out
    unknown = finished(None)
    assert main(["folds", *THREE]) == 0
    told = capsys.readouterr()
    assert (apart.prompts, paired.prompts, unknown.prompts) == (12, 6, None)
    assert apart.log_loss
    assert paired.log_loss not in (apart.log_loss, None)
    assert unknown.log_loss == Interval(apart.log_loss.value, None, None)
    assert f"log loss {apart.log_loss.value:.4f}, accuracy" in told.out
    assert "no interval: a run of an older version does not tell which rows share a prompt" in told.err


def test_a_row_in_two_folds_is_refused_and_nothing_written(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    finish_all(runs, shared=1)
    assert main(["folds", *THREE, "--table", str(tmp_path / "all.parquet")]) == 2
    assert "both evaluated the row with id 103" in capsys.readouterr().err
    assert not (tmp_path / "all.parquet").exists()


def test_before_all_have_finished_nothing_is_written(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    finish_all(runs)
    RunFolder(list_runs(runs)[0].path).events.unlink()
    assert main(["folds", *THREE, "--status", "--table", str(tmp_path / "all.parquet")]) == 0
    told = capsys.readouterr()
    assert "2 of 3 folds finished" in told.out
    assert "nothing is written before all folds have finished" in told.err
    assert not (tmp_path / "all.parquet").exists()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["--table", "x", "--teacher", "./x"], "--teacher ./x is to hold the table"),
        (["--table", "nowhere/t"], "nowhere/t: cannot be written: No such file or directory"),
        (["--teacher", "mine.csv/t"], "mine.csv/t: cannot be written: Not a directory"),
        (["--table", "runs"], "runs: cannot be written: Is a directory"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_anything_is_queued(
    files: list[str], found: str, runs: Path, capsys: Captured
) -> None:
    assert main(["folds", *THREE, *files]) == 2
    assert found in capsys.readouterr().err
    assert list_runs(runs) == []


def test_figures_are_told_where_a_file_cannot_be_written_after_all(
    runs: Path, tmp_path: Path, capsys: Captured
) -> None:
    finish_all(runs)
    full, teacher = "/dev/full", tmp_path / "teacher.csv"
    assert main(["folds", *THREE, "--table", full, "--teacher", str(teacher)]) == 1
    told = capsys.readouterr()
    assert "out of fold: log loss " in told.out
    assert f"{full}: cannot be written: No space left on device" in told.err
    assert not teacher.exists()
    assert "wrote" not in told.out


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["demo", "--set", "split.by=none"], 'split.by is "none"'),
        (["demo", "--set", "data.eval=x.csv"], "data.eval names the rows to evaluate"),
        ([*THREE, "--only", "1,3"], "--only 3: there are 3 folds, 0 to 2"),
        (["demo", "--set", "split.n_splits=65"], "65 runs; a sweep has at most 64"),
        (["nowhere"], "nowhere"),
    ],
)
def test_what_has_no_such_folds_says_so(asked: list[str], found: str, runs: Path, capsys: Captured) -> None:
    assert main(["folds", *asked]) == 2
    assert found in capsys.readouterr().err
    assert queued(runs) == []
