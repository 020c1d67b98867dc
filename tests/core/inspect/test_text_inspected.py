"""Inspections of other texts than the recipe's: kept apart, equal to what is trained on, and read ahead or not."""

import json
import os
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tiny
from pyarrow import parquet

from core.data.apart import as_one
from core.data.chat import template_of
from core.data.example import swapped
from core.data.rows import read_comparisons
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode
from core.inspect.cuts import cut
from core.inspect.export import export
from core.inspect.figures import read_rows
from core.inspect.lookup import read_row
from core.inspect.protocol import INSPECT, WAIT, Progress
from core.inspect.report import sides
from core.profile.data_settings import Data
from core.profile.load import parse_profile

OWN = json.dumps("<turn>Q: {prompt}</turn>\nA: {response_a}\nB: {response_b}\n<turn>")
TEXTS = [
    ["tokens.template=recipe"],
    ['tokens.turn_separator="\\n"'],
    ["tokens.turns=rounds"],
    ["tokens.template=chat"],
    ["tokens.template=chat", "tokens.turns=rounds", "tokens.truncation=left"],
    [f"tokens.template={OWN}", "tokens.truncation=thirds"],
    [f"tokens.template={OWN}", "tokens.turns=rounds", "tokens.truncation=rounds", "tokens.ellipsis=…"],
    ["model.head=bradley-terry"],
    ["model.head=bradley-terry", "tokens.template=chat", "tokens.truncation=proportional", "tokens.ellipsis=…"],
    ["model.head=bradley-terry", f"tokens.template={OWN}", "tokens.turns=rounds", "tokens.truncation=rounds"],
]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    made = tiny.rows(40)
    for number, row in enumerate(made):
        turns = [[f"{part} {turn} é</turn>" * (number % 9) for turn in range(number % 4)] for part in "PAB"]
        made[number] = row | dict(zip(tiny.COLUMNS[3:6], map(json.dumps, turns), strict=True))
    rows = tiny.write_csv(folder / "train.csv", made)
    tiny.chat_tokenizer().save_pretrained(folder / "model")
    (folder / "model" / "config.json").write_text('{"model_type": "gemma2"}')
    path = folder / "mine.toml"
    path.write_text(
        f'[data]\ntrain = "{rows}"\n[tokens]\nmax_length = 90\n[model]\ncheckpoint = "{folder / "model"}"\n'
    )
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "ARENA_TUI_CACHE": str(tmp_path_factory.mktemp("cache"))}


def inspect(arguments: list[str], environment: dict[str, str], told: str = "") -> list[Progress]:
    ran = subprocess.run(
        [*INSPECT, *arguments], env=environment, input=told, stdout=subprocess.PIPE, text=True, check=True
    )
    return [msgspec.json.decode(line, type=Progress) for line in ran.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("overrides", TEXTS, ids=" ".join)
def test_what_is_inspected_and_exported_is_what_is_trained_on(
    overrides: list[str], profile: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """All in one cache: none is given for another."""
    settings = parse_profile(profile.read_text(), source="mine", overrides=overrides)
    last = inspect([str(profile), *overrides], environment)[-1]
    assert last.whole
    assert last.frame
    assert last.text
    tokenizer = PromptTokenizer(profile.parent / "model")
    template = template_of(settings, tokenizer)
    assert last.text == template.made("<bos>", "<eos>")
    rows = read_rows(Path(last.whole))
    examples = read_comparisons(settings.data.train, Data(), "auto")
    orders = [examples, [swapped(row) for row in examples]] if settings.reads_apart else [examples]
    each = [[row for batch in encode(shown, tokenizer, settings.tokens, template) for row in batch] for shown in orders]
    encoded = [as_one(*pair) if settings.reads_apart else pair[0] for pair in zip(*each, strict=True)]
    left = cut(rows, settings.tokens, last.frame)
    assert left.is_over.any()
    assert left.shown.tolist() == [len(row.ids) for row in encoded]
    assert (left.parts - left.kept).tolist() == [list(row.lost) for row in encoded]
    assert np.array_equal(left.full, np.max([[row.full_length for row in shown] for shown in each], axis=0))
    assert np.array_equal(left.longest, np.max([[len(row.ids) for row in shown] for shown in each], axis=0))
    export(Path(last.whole), rows, sides(rows, settings), settings.tokens, last.frame, tmp_path / "out.parquet")
    exported = parquet.read_table(tmp_path / "out.parquet")
    columns = [name for name in exported.column_names if name.startswith("input_ids")]
    assert columns == ["input_ids", "input_ids_b"][: len(each)]
    for column, shown in zip(columns, each, strict=True):
        assert exported[column].to_pylist() == [row.ids.tolist() for row in shown]
    stored = read_row(Path(last.whole), 3)
    assert [len(ids) + last.frame.specials for ids in stored.ids] == [shown[3].full_length for shown in each]
    assert len(inspect([str(profile), *overrides], environment)) == 1, "it is found again"


def test_an_encoder_that_was_read_ahead_serves_no_other_text(profile: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ARENA_TUI_CACHE": str(tmp_path)}
    asked = [str(profile), "tokens.template=chat"]
    ahead = inspect([WAIT, str(profile)], environment, json.dumps(asked) + "\n")[-1]
    assert ahead.whole
    assert ahead.text
    assert ahead.text.kind == "chat"
    known = inspect(asked, {**os.environ, "ARENA_TUI_CACHE": str(tmp_path / "other")})[-1]
    assert known.whole
    assert parquet.read_table(ahead.whole, columns=["ids"]).equals(parquet.read_table(known.whole, columns=["ids"]))
