"""Rows that a run has answered become rows to train on: a profile reads the same texts, ids and probabilities."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from command_line import arena_tui
from pyarrow import parquet
from tiny_runs import SETTINGS, copy_of

from core.data.example import UNLABELLED, Example
from core.data.sources import read_run_examples
from core.outcomes import A_B, A_B_TIE
from core.predict.folder import list_predictions
from core.predict.request import Member, Request
from core.predict.soft_labels import write_soft_labels
from core.profile.load import parse_profile
from core.runs.folder import RunFolder

ODD = ("[1]", '\u2028 \x1b[2J\n"quoted", <b> 😀', "")
TWO = [f"data.columns.{name}={name}" for name in ("id", "prompt", "response_a", "response_b")]
TWO += [f"data.columns.probability_{side}=probability_{side}" for side in "ab"]


def read(path: Path, *overrides: str) -> list[Example]:
    """The rows as a profile with this file reads them, in their order."""
    own = [f"data.train={path}", "data.soft_labels=true", "split.by=none", *overrides]
    profile = parse_profile(SETTINGS, source="mine", overrides=own)
    return read_run_examples([str(path)], None, profile).train


@pytest.mark.parametrize("outcomes", [A_B, A_B_TIE])
def test_a_profile_reads_them_as_they_were_answered(outcomes: object, tmp_path: Path) -> None:
    count = 2 if outcomes is A_B else 3
    rows = [
        Example(n, id, ODD[: n + 1], ("a", *ODD[:n]), ODD[: n + 1], UNLABELLED)
        for n, id in enumerate((7, "017", 2**62))
    ]
    rows += [Example(n, n, ("p",), ("a",), ("b",), UNLABELLED) for n in range(10, 30)]
    given = np.random.default_rng(0).dirichlet(np.ones(count), len(rows))
    path = tmp_path / "taught.jsonl"
    write_soft_labels(path, rows, given.tolist(), [tmp_path])
    again = read(path, *(TWO if count == 2 else []))
    assert [(row.id, row.prompt, row.response_a, row.response_b) for row in again] == [
        (row.id, row.prompt, row.response_a, row.response_b) for row in rows
    ]
    np.testing.assert_allclose([row.probabilities[:count] for row in again if row.probabilities], given, atol=1e-12)
    assert [row.label for row in again] == given.argmax(axis=1).tolist()


@pytest.mark.parametrize(
    ("file", "why"),
    [("soft.csv", "ends with .jsonl"), ("no/soft.jsonl", "no such folder"), ("out.jsonl", "need another name")],
)
def test_where_they_cannot_go_is_said_before_anything_is_scored(
    file: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arena_tui.commands.predict import _soft_labels
    from core.predict.request import CannotPredict

    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotPredict, match=why):
        _soft_labels(file, str(tmp_path / "test.csv"), str(tmp_path / "out.jsonl"))


def test_the_same_logits_serve_with_and_without_them() -> None:
    request = Request(members=[Member("run", "adapter", 1.0)], test="test.csv")
    taught = Request(members=[Member("run", "adapter", 1.0)], test="test.csv", soft_labels="taught.jsonl")
    assert taught.asks_the_same(request)
    assert not taught.answers_the_same(request)


@pytest.mark.slow
def test_a_run_teaches_rows_that_nobody_has_labelled(finished: RunFolder, tmp_path: Path) -> None:
    run = copy_of(finished, tmp_path / "runs" / finished.id)
    rows = tiny.write_csv(tmp_path / "rows.csv", tiny.rows(20, seed=8))
    said = arena_tui("predict", str(run.path), str(rows), "--swap", "--as-soft-labels", "taught.jsonl", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert f"soft labels: {tmp_path / 'taught.jsonl'}" in said.stdout
    [folder] = list_predictions(run)
    answered = parquet.read_table(folder.table)
    given = np.column_stack([answered[column].to_numpy() for column in A_B_TIE.winners])
    written = [json.loads(line) for line in (tmp_path / "taught.jsonl").read_text().splitlines()]
    assert {row["trained_on"] for row in written} == {False}, "rows of the run's own are told in test_teachers.py"
    again = read(tmp_path / "taught.jsonl")
    assert [row.id for row in again] == answered["id"].to_pylist()
    np.testing.assert_allclose([row.probabilities for row in again], given, atol=1e-9)
