"""What the declarations of the settings say to an editor: meaning, bounds, default, recipe, completion, JSON schema."""

import json
import subprocess
import sys
import tomllib
from operator import attrgetter

import pytest
from msgspec import structs

from core.profile.cursor import complete, place
from core.profile.explain import schema, settings
from core.profile.load import parse_profile
from core.profile.settings import Profile, sections

TEXT = """\
# seed = 1
train.epochs = 2
[lora]
r = 64
target_modules = [
  "q_proj",
]

["train"]
sche
precision = "fp16"
[run]
report_to = ["wandb", "t
"""
LINES = TEXT.split("\n")


def choices(line: str, text: str = "") -> list[str]:
    """What is offered at the end of `line`, written below `text`."""
    lines = [*text.split("\n"), line]
    return [choice.text for choice in complete(lines, len(lines) - 1, len(line)).choices]


def test_every_setting_is_explained_and_its_default_reads_back_as_the_default() -> None:
    known = sections()
    keys = [f"{name}.{field.name}" for name, section in known.items() for field in structs.fields(section)]
    explained = [setting.key for of in settings().values() for setting in of.values()]
    assert explained == [key for key in keys if key not in known]
    for of in settings().values():
        for setting in of.values():
            assert setting.meaning
            assert setting.allowed
            written = f"{setting.key} = {setting.default}" if setting.default else ""
            assert parse_profile(written, source="default") == Profile()
            default = tomllib.loads(f"value = {setting.default}")["value"] if setting.default else None
            assert default == attrgetter(setting.key)(Profile())


def test_every_enumerated_value_is_one_that_the_profile_takes() -> None:
    for known in settings().values():
        for setting in known.values():
            for value in (*setting.values, *(f"[{item}]" for item in setting.items)):
                needed = 'data.eval = "own.csv"\ndistill.teachers = ["said.csv"]'
                parse_profile(f"{needed}\n{setting.key} = {value}", source="value")
    assert settings()["train"]["gradient_checkpointing"].values == ("true", "false")
    assert settings()["eval"]["every"].values == ('"epoch"',)
    assert settings()["tokens"]["template"].allowed.startswith('"recipe", "chat", or a text')


def test_the_recipe_is_named_where_it_is_not_the_default() -> None:
    precision = settings()["train"]["precision"]
    assert (precision.default, precision.recipe) == ('"auto"', '"fp16"')
    assert settings()["train"]["learning_rate"].recipe == settings()["train"]["learning_rate"].default == "0.0002"


@pytest.mark.parametrize(
    ("row", "section", "name"),
    [
        (0, None, None),
        (1, "train", "epochs"),
        (2, "lora", None),
        (3, "lora", "r"),
        (5, "lora", "target_modules"),
        (6, "lora", "target_modules"),
        (7, "lora", None),
        (9, "train", "sche"),
        (12, "run", "report_to"),
        (13, "run", None),
    ],
)
def test_the_place_is_known_even_in_text_that_is_not_toml_yet(row: int, section: str | None, name: str | None) -> None:
    assert place(LINES, row) == (section, name)


@pytest.mark.parametrize(
    ("line", "text", "offered"),
    [
        ("[to", "", ["tokens]"]),
        (
            "[",
            "[data]\n[train]",
            ["data.columns]", "data.winners]", "split]", "tokens]", "model]", "lora]", "eval]", "distill]", "run]"],
        ),
        ("tok", "", ["[tokens]"]),
        ("", "[split]\nfold = 1", ["by = ", "n_splits = "]),
        ("  max", "[tokens]", ["max_length = ", "prompt_max = "]),
        ("schedule = ", "[train]", ['"constant_with_warmup"', '"cosine"', '"linear"']),
        ('schedule = "lin', "[train]", ['"linear"']),
        ("template = ", "[tokens]", ['"recipe"', '"chat"']),
        ("train.schedule = cos", "", ['"cosine"']),
        ("gradient_checkpointing = f", "[train]", ["false"]),
        ('report_to = ["wandb", "t', "[run]", ['"tensorboard"', '"trackio"']),
        ("report_to = ", "[run]", []),
        ("epochs = ", "[train]", []),
        ("# sche", "[train]", []),
        ('schedule = "linear" ', "[train]", []),
        ("x = ", "[nothing]", []),
        ("[data.co", "", ["data.columns]"]),
        ("win", "[data.columns]", ["winner = ", "winner_a = ", "winner_b = ", "winner_tie = "]),
        ("ti", "[data.winners]", ["tie = "]),
        ("columns.response_", "[data]", ["response_a = ", "response_b = "]),
        ("data.winners.", "", ["a = ", "b = ", "tie = ", "drop = "]),
        ('format = "chosen', "[data]", ['"chosen-rejected"']),
        ("x", "[nothing]", []),
    ],
)
def test_what_is_offered(line: str, text: str, offered: list[str]) -> None:
    assert choices(line, text) == offered


def test_a_choice_replaces_the_whole_word_and_adds_only_what_is_missing() -> None:
    value = complete(["[train]", 'schedule = "lin" # x'], 1, 14)
    assert (value.start, value.end) == (11, 16)
    key = complete(["[train]", "sche = 1"], 1, 2)
    assert (key.start, key.end, key.choices[0].text) == (0, 4, "schedule")
    assert complete(["[da]"], 0, 3).choices[0].text == "data"


def test_the_schema_describes_and_bounds_every_key_and_allows_no_other() -> None:
    printed = subprocess.run([sys.executable, "-m", "arena_tui", "schema"], capture_output=True, check=True).stdout
    made = json.loads(printed)
    assert made == schema()
    root = made["$defs"]["Profile"]
    assert root["additionalProperties"] is False
    for section, known in settings().items():
        table = root
        for part in section.split("."):
            table = made["$defs"][table["properties"][part]["$ref"].removeprefix("#/$defs/")]
        assert table["additionalProperties"] is False
        own = {name: declared for name, declared in table["properties"].items() if "$ref" not in declared}
        assert list(own) == list(known)
        for name, declared in own.items():
            assert declared["description"].startswith(known[name].meaning)
            assert ("default" in declared) == (known[name].default is not None)
            assert "null" not in json.dumps(declared)
    assert made["$defs"]["Tokens"]["properties"]["max_length"] | {"description": ""} == {
        "description": "",
        "type": "integer",
        "minimum": 16,
        "maximum": 131_072,
        "default": 1024,
    }
