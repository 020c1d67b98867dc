"""A run packed for Kaggle: what is in the data set, and that the cells of its notebook predict what the run does.

That they do so in a clean environment without a network is shown by tests/benchmarks/kaggle.py.
"""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny
from command_line import arena_tui
from places import ROOT
from tiny_runs import copy_of

from core.predict.wheel import write_wheel
from core.runs.folder import RunFolder


def test_the_wheel_holds_all_that_is_installed_here(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_wheel(tmp_path)) as wheel:
        names = set(wheel.namelist())
        [metadata] = [name for name in names if name.endswith("dist-info/METADATA")]
        [commands] = [name for name in names if name.endswith("dist-info/entry_points.txt")]
        assert "arena-tui = arena_tui.__main__:main" in wheel.read(commands).decode()
        assert "Name: arena-tui" in wheel.read(metadata).decode()
        assert wheel.testzip() is None
    for package in ("arena_tui", "core", "profiles"):
        own = {str(path.relative_to(ROOT)) for kind in ("*.py", "*.toml") for path in (ROOT / package).rglob(kind)}
        assert own and own <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


@pytest.mark.slow
def test_the_notebook_answers_as_the_run_does(finished: RunFolder, checkpoint: Path, tmp_path: Path) -> None:
    run = copy_of(finished, tmp_path / "runs" / finished.id)
    data, work = tmp_path / "for-kaggle", tmp_path / "work"
    rows = tiny.write_csv(tmp_path / "test.csv", tiny.rows(12, seed=4))
    work.mkdir()
    said = arena_tui("export", str(run.path), "--kaggle", str(data), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert f"kaggle datasets create -p {data}" in said.stdout
    for path in data.rglob("*"):
        if path.suffix in (".toml", ".json", ".jsonl", ".ipynb", ".txt", ".md"):
            assert str(tmp_path.parent.parent) not in path.read_text(), f"{path.name} names a folder of this machine"
    about = json.loads((data / "dataset-metadata.json").read_text())
    assert about["id"] == "INSERT_OWNER_HERE/for-kaggle"

    cells = json.loads((data / "predict.ipynb").read_text())["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", *["code"] * 4]
    code = "\n".join("".join(cell["source"]) for cell in cells[1:])
    for line in [line for line in code.splitlines() if "subprocess.run([*pip" in line]:
        code = code.replace(line, "")
    paths = {"HERE": f"Path({str(data)!r})", "BASE": repr(str(checkpoint)), "ROWS": repr(str(rows))}
    lines = [
        f"{name} = {paths[name]}" if (name := line.split(" = ")[0]) in paths else line for line in code.splitlines()
    ]
    (work / "cells.py").write_text("\n".join(lines))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "cells.py"], cwd=work, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "submission.csv: 12 rows, nothing wrong with it" in ran.stdout

    plain = arena_tui("predict", str(run.path), str(rows), "-o", str(tmp_path / "plain.csv"), cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    here, there = (list(csv.reader(path.open()))[1:] for path in (tmp_path / "plain.csv", work / "submission.csv"))
    assert [row[0] for row in here] == [row[0] for row in there]
    np.testing.assert_allclose(np.array(here, float)[:, 1:], np.array(there, float)[:, 1:], atol=1e-6)

    again = arena_tui("export", str(run.path), "--kaggle", str(data), cwd=tmp_path)
    assert again.returncode == 2 and "already exists" in again.stderr
