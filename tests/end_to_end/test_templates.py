"""Tiny models that read a chat, or a text of one's own: trained, inspected, predicted with, reported, and used by the
lines of their card."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
from pyarrow import parquet
from tiny_runs import SECONDS, SETTINGS
from transformers import AutoTokenizer

from core.data.chat import template_of
from core.data.example import Example
from core.data.rows import read_comparisons
from core.data.tokenizer import PromptTokenizer
from core.profile.data_settings import Data
from core.profile.load import parse_profile
from core.runs.events import Phase
from core.runs.folder import RunFolder, create_run
from core.runs.process import launch
from core.runs.record import Tail

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("templates")]

ARENA_TUI = [sys.executable, "-P", "-m", "arena_tui"]
OWN = "<turn>user\nWhich? `{{}}`\n{prompt}\nA: {response_a}\nB: {response_b}</turn>\n"
TEXTS = {
    "chat": ["tokens.template=chat", 'tokens.turn_separator="\\n"'],
    "own by rounds": [f"tokens.template={json.dumps(OWN)}", "tokens.turns=rounds", "tokens.truncation=rounds"],
}
TOLD = {"chat": "the tokenizer's chat template, part by part", "own by rounds": "the profile's own template, round by"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of them with several rounds, and some with what looks like the template's own tokens."""
    made = tiny.rows(48)
    for row in made[::6]:
        row |= {part: json.dumps(["one", "</turn><eos> two " * 3, "three"]) for part in tiny.COLUMNS[3:6]}
    return tiny.write_csv(tmp_path_factory.mktemp("rows") / "train.csv", made)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    tiny.language_model().save_pretrained(folder)
    tiny.chat_tokenizer().save_pretrained(folder)
    return folder


def arena_tui(*arguments: object, cache: Path) -> str:
    environment = {**os.environ, "ARENA_TUI_CACHE": str(cache)}
    ran = subprocess.run(
        [*ARENA_TUI, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_trained_is_what_is_inspected_predicted_reported_and_told(
    name: str, rows: Path, checkpoint: Path, tmp_path: Path
) -> None:
    own = [f"data.train={rows}", f"model.checkpoint={checkpoint}", "tokens.max_length=70", *TEXTS[name]]
    profile = parse_profile(SETTINGS, source="tiny", overrides=own)
    run = create_run(tmp_path / "runs", profile, text=SETTINGS, name="tiny")
    assert launch(run).wait(SECONDS) == 0
    phases = [event.detail for event in Tail(run.events).read() if isinstance(event, Phase)]
    assert any(TOLD[name] in detail for detail in phases)

    inspected = json.loads(arena_tui("inspect", run.resolved, "--json", cache=tmp_path / "cache"))
    assert TOLD[name].startswith({"chat": "the tok", "own": "the pro"}[inspected["text"]["kind"]])
    evaluated = parquet.read_table(run.evaluation).to_pydict()
    assert inspected["limits"][0]["by_split"]["eval"]["tokens_shown"] == sum(evaluated["tokens"])
    assert any(evaluated["is_cut"])
    planned = json.loads(arena_tui("plan", run.resolved, "--json", cache=tmp_path / "of plan"))
    assert TOLD[name].startswith({"chat": "the tok", "own": "the pro"}[planned["text"]["kind"]])
    assert planned["trainable_parameters"]

    report = json.loads(arena_tui("report", run.path, "--json", cache=tmp_path / "cache"))
    assert not report["cautions"]
    arena_tui("predict", run.path, rows, "-o", tmp_path / "out.csv", cache=tmp_path / "cache")
    [table] = run.path.glob("predictions/*/predictions.parquet")
    predicted = parquet.read_table(table).to_pydict()
    [column] = (column for column in predicted if column.endswith("logit_a"))
    logits = dict(zip(predicted["id"], predicted[column], strict=True))
    of_evaluation = [logits[id] for id in evaluated["id"]]
    np.testing.assert_allclose(of_evaluation, evaluated["logit_a"], atol=1e-4)
    uses_the_card(run, rows, logits, tmp_path)


def uses_the_card(run: RunFolder, rows: Path, logits: dict[int, float], folder: Path) -> None:
    """Its lines make the text and the tokens of a row that is not cut, and the answer that the run gives to it."""
    profile = run.read_profile()
    tokenizer = PromptTokenizer(run.adapter)
    template = template_of(profile, tokenizer)
    row = next(
        row
        for row in read_comparisons(str(rows), Data(), "auto")
        if len(row.prompt) == 1
        and len(AutoTokenizer.from_pretrained(run.adapter)(template.text(*parts(row))).input_ids) < 70
    )
    code = (run.adapter / "README.md").read_text().split("```python\n")[1].split("```")[0]
    code = code.replace('"this folder"', repr(str(run.adapter)))
    code = code.replace('text(["…"], ["…"], ["…"])', f"text(*{[list(part) for part in parts(row)]!r})")
    script = folder / "example.py"
    script.write_text(f"{code}\nprint(model(**inputs).logits[0, 0].item())\n")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    logit = float(ran.stdout.splitlines()[-1])
    assert logit == pytest.approx(logits[row.id], abs=1e-3)


def parts(row: Example) -> list[tuple[str, ...]]:
    return [row.prompt, row.response_a, row.response_b]


def test_a_checkpoint_without_a_chat_template_is_told_before_anything_starts(rows: Path, tmp_path: Path) -> None:
    plain = tiny.save_checkpoint(tmp_path / "plain")
    profile = tmp_path / "mine.toml"
    own = f'[data]\ntrain = "{rows}"\n[tokens]\ntemplate = "chat"\n[model]\ncheckpoint = "{plain}"\n'
    profile.write_text(f'{own}quantization = "none"\n')
    for command in ("check", "plan", "inspect"):
        environment = {**os.environ, "ARENA_TUI_CACHE": str(tmp_path / "cache")}
        ran = subprocess.run(
            [*ARENA_TUI, command, profile], capture_output=True, text=True, env=environment, check=False
        )
        assert ran.returncode == 2
        assert "tokens.template = 'chat': the tokenizer has no chat template: take recipe" in ran.stdout + ran.stderr
