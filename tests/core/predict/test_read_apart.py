"""A run that reads each answer apart, put to use: predicted, judged, averaged, reported, resumed, and by its card."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from command_line import ARENA_TUI, arena_tui
from pyarrow import parquet
from tiny_runs import SECONDS, Start, copy_of, measured

from core.data.example import PARTS
from core.engine.scores import softmax
from core.outcomes import A_B_TIE
from core.runs.folder import RunFolder
from core.runs.process import launch
from core.runs.protocol import RESUME, TRAIN
from core.runs.resume import prepare

pytestmark = [pytest.mark.xdist_group("apart"), pytest.mark.slow]

APART = ("model.head=bradley-terry", "train.save_steps=3", "lora.dropout=0.2")
Floats = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def run(start_shared: Start) -> RunFolder:
    folder, child = start_shared(*APART)
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    return folder


def answered(run: RunFolder) -> dict[int, Floats]:
    table = parquet.read_table(run.evaluation)
    logits = np.column_stack([table[name].to_numpy() for name in A_B_TIE.logits])
    return dict(zip(table["id"].to_pylist(), softmax(logits), strict=True))


def write(path: Path, ids: list[int], *, swaps: bool) -> Path:
    rows = {row["id"]: row for row in tiny.rows(60)}
    order = (0, 2, 1) if swaps else (0, 1, 2)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *PARTS])
        writer.writerows([id, *(rows[id][PARTS[part]] for part in order)] for id in ids)
    return path


def predicted(run: RunFolder, rows: Path, *options: str) -> Floats:
    ran = arena_tui("predict", str(run.path), str(rows), "-o", str(rows) + ".out", *options, cwd=rows.parent)
    assert ran.returncode == 0, ran.stderr
    with Path(f"{rows}.out").open(newline="") as file:
        return np.array([list(map(float, numbers)) for _, *numbers in list(csv.reader(file))[1:]])


def test_a_prediction_is_the_evaluations_and_swaps_with_the_answers(run: RunFolder, tmp_path: Path) -> None:
    wanted = answered(run)
    ids = list(wanted)
    given = predicted(run, write(tmp_path / "rows.csv", ids, swaps=False))
    np.testing.assert_allclose(given, list(wanted.values()), atol=1e-5)
    assert np.abs(given[:, 0] - given[:, 1]).max() > 1e-3, "it tells them apart"
    [summary] = [json.loads(file.read_text()) for file in run.path.glob("predictions/*/summary.json")]
    assert summary["rows_cut"] == sum(parquet.read_table(run.evaluation)["is_cut"].to_pylist())
    swapped = predicted(run, write(tmp_path / "swapped.csv", ids, swaps=True))
    np.testing.assert_allclose(swapped[:, list(A_B_TIE.swap)], given, atol=1e-6)
    both = predicted(run, write(tmp_path / "again.csv", ids, swaps=False), "--swap")
    np.testing.assert_allclose(both, given, atol=1e-6)


def test_it_is_judged_and_reported_without_an_order(run: RunFolder, tmp_path: Path) -> None:
    id, wanted = next(iter(answered(run).items()))
    row = next(row for row in tiny.rows(60) if row["id"] == id)
    line = json.dumps({part: row[part] for part in PARTS})
    ran = subprocess.run(
        [*ARENA_TUI, "judge", str(run.path)], cwd=tmp_path, capture_output=True, text=True, input=f"{line}\n"
    )
    assert ran.returncode == 0, ran.stderr
    verdict = json.loads(ran.stdout.splitlines()[-1])
    assert "swapped" not in verdict
    np.testing.assert_allclose(list(verdict["probabilities"].values()), wanted, atol=1e-5)
    own = copy_of(run, tmp_path / run.id)
    table = parquet.read_table(own.evaluation).to_pydict()
    assert verdict["as_given"]["tokens"] == table["tokens"][table["id"].index(id)]
    assert verdict["as_given"]["lost"] == {part: table[f"{part}_tokens_lost"][table["id"].index(id)] for part in PARTS}
    ran = arena_tui("report", str(own.path), "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "texts have changed" not in ran.stdout
    assert not [caution for caution in json.loads(ran.stdout)["cautions"] if "token" in caution]
    ran = arena_tui("report", str(own.path), "--score-swap", cwd=tmp_path)
    assert (ran.returncode, "the order of A and B cannot matter" in ran.stderr) == (2, True)
    ran = arena_tui("serve", str(own.path), "--merged", "merged", cwd=tmp_path)
    assert (ran.returncode, "joins two: `judge` does" in ran.stderr) == (2, True)


def test_an_average_with_itself_answers_as_it_does(run: RunFolder, tmp_path: Path) -> None:
    other = copy_of(run, tmp_path / "20260101-000000-other")
    ran = arena_tui("average", str(run.path), str(other.path), "--how", "plain", "--runs-dir", "made", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    [made] = (tmp_path / "made").iterdir()
    of_both, of_one = answered(RunFolder(made)), answered(run)
    assert list(of_both) == list(of_one)
    np.testing.assert_allclose(list(of_both.values()), list(of_one.values()), atol=1e-5)


def test_its_card_says_how_it_is_asked_without_this_program(run: RunFolder) -> None:
    card = (run.adapter / "README.md").read_text()
    assert "It reads each answer in a sequence of its own" in card
    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    row = next(row for row in tiny.rows(60) if row["id"] == next(iter(answered(run))))
    prompt, a, b = (json.loads(row[part]) for part in PARTS)
    code = code.replace('"this folder"', repr(str(run.adapter)))
    for own, turns in (("A …", a), ("B …", b)):
        code = code.replace(f'text(["…"], ["{own}"])', f"text({prompt!r}, {turns!r})")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    said = [float(number) for number in re.findall(r"0\.\d+", ran.stdout)]
    np.testing.assert_allclose(said, next(iter(answered(run).values())), atol=1e-4)


def test_a_resumed_run_is_the_run_without_the_break(run: RunFolder, tmp_path: Path) -> None:
    own = copy_of(run, tmp_path / run.id)
    for file in (own.metrics, own.evaluation):
        file.unlink()
    lines = own.events.read_text().splitlines(keepends=True)
    step = next(number for number, line in enumerate(lines) if 'checkpoint-3"' in line)
    own.events.write_text("".join(lines[: step + 1]))
    for folder in own.checkpoints.iterdir():
        if folder.name != "checkpoint-3":
            folder.rename(tmp_path / folder.name)
    prepare(own, ())
    assert launch(own, (*TRAIN, RESUME)).wait(SECONDS) == 0, own.console_log.read_text()
    np.testing.assert_allclose(list(answered(own).values()), list(answered(run).values()), atol=1e-6)
    assert np.allclose(measured(own)[1][-2:], measured(run)[1][-2:], atol=1e-6)
