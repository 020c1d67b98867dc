"""What teachers say of rows: found by id, averaged, refused where it was learned by heart or cannot be read."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from test_formats import lmsys, write

from core.data.example import DataError, Example, swapped
from core.data.seen import keep_trained, save_trained, trained_on
from core.data.sources import RunExamples, read_run_examples
from core.predict.soft_labels import write_soft_labels
from core.profile.data_settings import Data
from core.profile.distill_settings import Distill
from core.profile.errors import ProfileError
from core.profile.load import parse_profile
from core.profile.settings import Profile, Split
from core.profile.train_settings import Train
from core.runs.folder import RunFolder


def rows_of(tmp_path: Path, *, swap: Any = "none", **distill: Any) -> RunExamples:
    """Six rows, 0 to 5, the last two of them to evaluate."""
    source = write(tmp_path, [lmsys(n, [[f"prompt {n}"], ["one"], ["other"]], n % 3) for n in range(6)], "rows.jsonl")
    split = Split(by="row", n_splits=3, fold=2)
    profile = Profile(data=Data(), split=split, distill=Distill(**distill), train=Train(swap=swap))
    return read_run_examples([source], None, profile, is_to_learn=True)


def teacher(tmp_path: Path, rows: dict[Any, list[float]], name: str = "teacher.csv") -> str:
    path = tmp_path / name
    with path.open("w", newline="") as file:
        written = csv.writer(file)
        count = len(next(iter(rows.values())))
        written.writerow(["id", *["probability_a", "probability_b", "probability_tie"][:count]])
        written.writerows([id, *probabilities] for id, probabilities in rows.items())
    return str(path)


def test_several_are_averaged_by_id_and_swapped_with_the_answers(tmp_path: Path) -> None:
    one = teacher(tmp_path, {0: [0.5, 0.25, 0.25], 99: [1, 0, 0]})
    other = teacher(tmp_path, {0: [0.25, 0.25, 0.5], 1: [0, 1, 0], 2: [0.2, 0.3, 0.5]}, "other.csv")
    found = rows_of(tmp_path, teachers=[one, other], swap="both")
    taught = {(row.id, place >= len(found.train) // 2): row.taught for place, row in enumerate(found.train)}
    assert taught[0, False] == pytest.approx((0.375, 0.25, 0.375))
    assert taught[0, True] == pytest.approx((0.25, 0.375, 0.375)), "the copy with A and B swapped"
    assert taught[1, False] == pytest.approx((0, 1, 0)) and taught[3, False] is None
    assert all(row.taught is None for row in found.evaluation), "though one tells of row 2"
    assert all(swapped(swapped(row)) == row for row in found.train)


def test_a_run_teaches_the_rows_that_it_held_out(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    logits = {"id": [0, 1], "label": [0, 1], "logit_a": [1.0, 0.0], "logit_b": [1.0, 0.0], "logit_tie": [1.0, 2.0]}
    pyarrow.parquet.write_table(pyarrow.table(logits), run.evaluation)
    found = rows_of(tmp_path, teachers=[str(run.path)])
    assert found.train[0].taught == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert found.train[1].taught == pytest.approx((1 / (2 + math.e**2),) * 2 + (math.e**2 / (2 + math.e**2),))
    with pytest.raises(DataError, match=r"eval\.parquet: cannot be read"):
        rows_of(tmp_path, teachers=[str(tmp_path)])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ({77: [0.5, 0.25, 0.25]}, "of none of the 4 rows to train on; rows are found by their ids"),
        ({0: [0.5, 0.5]}, "tells of two outcomes; the rows to train on have three"),
        ({0: [0.9, 0.9, 0.9]}, "line 2, id 0: probability_a, probability_b, probability_tie must sum to 1"),
        ({0: ["much", 0, 0]}, "line 2, id 0, column probability_a: expected a probability, found 'much'"),
        ({"1.5": [1, 0, 0]}, "line 2, column id: '1.5' is a decimal number"),
    ],
)
def test_a_bad_one_is_refused_with_its_place(rows: dict[Any, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem):
        rows_of(tmp_path, teachers=[teacher(tmp_path, rows)])


def test_one_that_tells_of_a_row_twice_is_refused(tmp_path: Path) -> None:
    path = Path(teacher(tmp_path, {0: [1, 0, 0]}))
    path.write_text(path.read_text() + "0,0,1,0\n")
    with pytest.raises(DataError, match="line 3, id 0: this teacher tells of the same row twice"):
        rows_of(tmp_path, teachers=[str(path)])


def soft_labels(tmp_path: Path, rows: list[Example], runs: list[Path]) -> str:
    path = tmp_path / "soft.jsonl"
    write_soft_labels(path, rows, [[0.5, 0.25, 0.25]] * len(rows), runs)
    return str(path)


def test_what_its_runs_were_trained_on_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    """Known by what a row says, not by its id: files number their rows alike."""
    rows = rows_of(tmp_path).train
    runs = [tmp_path / "one", tmp_path / "two"]
    for run, own in zip(runs, (rows[:1], rows[2:3]), strict=True):
        run.mkdir()
        save_trained(run, [swapped(row) for row in own])
    seen = trained_on(runs, rows)
    assert seen is not None and seen.tolist() == [True, False, True, False]
    source = soft_labels(tmp_path, rows, runs)
    with pytest.raises(DataError, match=r"was trained on 2 of the 4 rows that it would teach.*distill\.allow_seen"):
        rows_of(tmp_path, teachers=[source])
    assert all(row.taught for row in rows_of(tmp_path, teachers=[source], allow_seen=True).train)
    (average := tmp_path / "average").mkdir()
    keep_trained(average, runs)
    assert trained_on([average], rows).tolist() == seen.tolist()


def test_a_run_that_does_not_tell_leaves_it_open(tmp_path: Path) -> None:
    rows = rows_of(tmp_path).train
    (known := tmp_path / "known").mkdir()
    save_trained(known, rows)
    assert trained_on([known, tmp_path / "older"], rows) is None
    (known / "trained_rows.bin").write_bytes(b"cut short")
    assert trained_on([known], rows) is None
    source = soft_labels(tmp_path, rows, [known])
    assert "trained_on" not in json.loads(Path(source).read_text().splitlines()[0])
    assert rows_of(tmp_path, teachers=[source]).train[0].taught


def test_settings_of_it_need_teachers_whose_paths_exist(tmp_path: Path) -> None:
    from core.profile.files import absent_paths, rooted

    with pytest.raises(ProfileError, match=r"needs distill\.teachers: there is nobody to learn from"):
        parse_profile("", source="t", overrides=["distill.weight=2"])
    profile = parse_profile(
        "", source="t", overrides=['distill.teachers=["t.csv", "runs/one"]', "distill.kind=kl+cosine"]
    )
    assert absent_paths(profile, tmp_path)["distill.teachers"] == str(tmp_path / "t.csv")
    (tmp_path / "runs/one").mkdir(parents=True)
    assert rooted(profile, tmp_path).distill.teachers == [str(tmp_path / "t.csv"), str(tmp_path / "runs/one")]
