"""The notebook that predicts on Kaggle: five cells, offline, on all cards of the machine."""

from typing import Any

INTRODUCTION = """\
# Predictions of {run}

Attach this data set, the base model `{base}` and the competition's rows, choose the accelerator with two T4 and no
internet, and set the three paths below."""

INSTALL = """\
import os, re, shutil, subprocess, sys
from pathlib import Path

HERE = Path("/kaggle/input/{name}")  # this data set
BASE = "/kaggle/input/BASE"  # the folder of the base model, with its config.json
ROWS = "/kaggle/input/llm-classification-finetuning/test.csv"

wheels = sorted(map(str, (HERE / "wheels").glob("*.whl")))
pip = [sys.executable, "-mpip", "install", "--quiet", "--no-index", "--no-deps"]
subprocess.run([*pip, *wheels], check=True)"""

RUN = """\
# A data set cannot be written to, and a prediction is kept in the folder of its run.
RUN = Path("run").absolute()
shutil.copytree(HERE / "run", RUN, dirs_exist_ok=True)
settings = RUN / "resolved.toml"
settings.write_text(re.sub(r"(?m)^checkpoint = .*$", f'checkpoint = "{{BASE}}"', settings.read_text()))
arena_tui = [sys.executable, "-marena_tui"]
os.environ["HF_HUB_OFFLINE"] = "1\""""

PREDICT = """\
cards = 0
if shutil.which("nvidia-smi"):
    cards = len(subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout.splitlines())
gpus = ["--gpus", ",".join(map(str, range(cards)))] if cards > 1 else []
# More of a row than in training: --max-length 2048. Both orders of A and B, in twice the time: --swap.
subprocess.run([*arena_tui, "predict", str(RUN), ROWS, "--output", "submission.csv", *gpus], check=True)"""

CHECK = """\
subprocess.run([*arena_tui, "submission", "check", "submission.csv", ROWS], check=True)
print(*Path("submission.csv").read_text().splitlines()[:4], sep="\\n")"""


def notebook(name: str, run: str, base: str) -> dict[str, Any]:
    """In the format of Jupyter, version 4. `name` is that of the data set, `base` the checkpoint of the run."""
    cells: list[dict[str, Any]] = [_cell("markdown", INTRODUCTION.format(run=run, base=base))]
    for source in (INSTALL.format(name=name), RUN.format(), PREDICT, CHECK):
        cells.append({**_cell("code", source), "execution_count": None, "outputs": []})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def _cell(kind: str, source: str) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
