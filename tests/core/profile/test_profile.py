"""Profiles: every setting's default is the recipe's, and every mistake is reported at once with its place."""

import json
import math
import tomllib
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.profile.errors import ProfileError
from core.profile.files import find_profile, read_profile, shipped_profiles
from core.profile.load import changes, parse_profile, to_toml
from core.profile.own_template import divided
from core.profile.settings import Lora, Profile, sections


def problems(text: str, *overrides: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, source="p.toml", overrides=overrides)
    return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]


def test_an_empty_profile_is_the_recipe() -> None:
    profile = parse_profile("", source="empty")
    assert (profile.split.by, profile.split.n_splits, profile.split.fold) == ("row", 5, 0)
    assert (profile.tokens.max_length, profile.tokens.truncation) == (1024, "right")
    assert (profile.model.quantization, profile.model.double_quant) == ("nf4", True)
    assert profile.model.checkpoint == "unsloth/gemma-2-9b-it-bnb-4bit"
    assert (profile.lora.r, profile.lora.alpha, profile.lora.dropout, profile.lora.bias) == (16, 32, 0.05, "none")
    assert profile.lora.target_modules == "auto"
    assert profile.lora.freeze_layers == 16
    assert profile.global_batch == 8
    train = profile.train
    assert (train.epochs, train.learning_rate, train.schedule, train.warmup_steps) == (1, 2e-4, "linear", 20)
    assert (train.optimizer, train.log_steps, train.save_steps) == ("adamw_8bit", 10, 200)
    assert profile.eval.every == "epoch"


def test_the_shipped_9b_profile_adds_nothing_to_the_recipe() -> None:
    shipped = parse_profile(read_profile(find_profile("gemma2-9b-qlora")).text, source="shipped")
    assert shipped == replace(Profile(), lora=Lora(target_modules=["q_proj", "k_proj", "v_proj"]))


def test_every_shipped_profile_is_valid_and_found_by_its_name() -> None:
    assert [path.stem for path in shipped_profiles()] == [
        "demo",
        "deberta-v3-large",
        "gemma2-2b-qlora",
        "gemma2-9b-distill",
        "gemma2-9b-int8",
        "gemma2-9b-qlora",
        "gemma2-9b-strong",
        "gemma3-12b-qlora",
        "llama3.1-8b-qlora",
        "qwen3-8b-qlora",
    ]
    for path in shipped_profiles():
        parse_profile(read_profile(path).text, source=path.name)
        assert find_profile(path.stem) == find_profile(path.name) == path


def test_all_problems_are_reported_at_once_in_the_order_of_their_lines() -> None:
    text = """
[tokens]
max_lenght = 1024
max_length = 8
[train]
learning_rate = "fast"
gradient_checkpointing = 1
schedule = "lin"
[evall]
every = 1
[lora]
target_modules = []
"""
    assert problems(text) == [
        (3, "tokens.max_lenght", "unknown key; did you mean max_length?"),
        (4, "tokens.max_length", "must be a whole number at least 16 and at most 131,072"),
        (6, "train.learning_rate", "must be a number above 0 and at most 1"),
        (7, "train.gradient_checkpointing", "must be true or false"),
        (8, "train.schedule", 'must be one of "constant_with_warmup", "cosine", "linear"'),
        (9, "evall", "unknown section; did you mean eval?"),
        (
            12,
            "lora.target_modules",
            'must be one of "all-linear", "auto" or a list of 1 to 256 items, each a text of at most 255 characters',
        ),
    ]


@pytest.mark.parametrize("written", ["nan", "inf", "-inf", "0", "-1", "true", '"1"', "[1]", "2026-01-01"])
def test_an_epoch_count_that_is_no_positive_number_is_refused(written: str) -> None:
    [(line, key, message)] = problems(f"[train]\nepochs = {written}")
    assert (line, key) == (2, "train.epochs")
    assert message.startswith("must be a number above 0")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("train.epochs = nan", 1),
        ('[data]\n"train" = 3', 2),
        ("[data]\n\n# note\n'limit' = 0", 4),
        ("train = { epochs = 0 }", 1),
        ("[split]\nfold = 5", 2),
        ("[split]\n\nn_splits = 3\nfold = 3", 4),
    ],
)
def test_the_line_is_found_however_the_key_is_written(text: str, line: int) -> None:
    assert [found for found, _, _ in problems(text)] == [line]


def test_tables_in_a_table_are_read_overridden_and_blamed_like_others() -> None:
    text = '[data.columns]\nprompt = "question"\n[data.winners]\na = ["left"]\n'
    profile = parse_profile(text, source="p", overrides=["data.columns.id=key", "data.winners.b=['right']"])
    assert (profile.data.columns.prompt, profile.data.columns.id) == ("question", "key")
    assert (profile.data.winners.a, profile.data.winners.b) == (["left"], ["right"])
    assert parse_profile(to_toml(profile), source="resolved") == profile
    assert [str(change) for change in changes(Profile(), profile)] == [
        'data.columns.id = "key" (it was absent)',
        'data.columns.prompt = "question" (it was absent)',
        'data.winners.a = ["left"] (it was ["model_a", "a"])',
        'data.winners.b = ["right"] (it was ["model_b", "b"])',
    ]
    assert problems("[data.columns]\npromt = 1\n[data.winers]\n[data.winners]\na = 3") == [
        (2, "data.columns.promt", "unknown key; did you mean prompt?"),
        (3, "data.winers", "unknown key; did you mean winners?"),
        (5, "data.winners.a", "must be a list of 0 to 256 items, each a text of at most 255 characters"),
    ]
    message = "must be a table: write [data.columns] on a line of its own"
    assert problems("", "data.columns=x") == [(None, "data.columns", message)]


def test_a_word_by_which_two_sides_would_win_is_a_problem() -> None:
    assert problems('[data.winners]\na = ["x"]\nb = ["y", " X"]') == [(3, "data.winners.b", "' X' is in a too")]
    assert problems('[data.winners]\nb = ["A"]') == [
        (2, "data.winners.b", "'A' is in a too, by default: set a as well")
    ]
    assert problems('[data.winners]\na = ["tie"]') == [
        (2, "data.winners.a", "'tie' is in tie too, by default: set tie as well")
    ]
    parse_profile('[data.winners]\na = ["b"]\nb = ["a"]\ndrop = ["tie"]', source="p")


def test_text_that_is_not_toml_is_one_problem_with_its_line() -> None:
    assert [line for line, _, _ in problems("[data]\ntrain = = 1\n")] == [2]


def test_an_override_wins_and_a_bad_one_is_a_problem_of_the_command_line() -> None:
    profile = parse_profile(
        "[train]\nepochs = 3", source="p", overrides=["train.epochs=2", "train.schedule=cosine", "data.train=a b.csv"]
    )
    assert (profile.train.epochs, profile.train.schedule, profile.data.train) == (2, "cosine", "a b.csv")
    assert problems("", "train.epochs=0", "epochs=1", "trian.epochs=1") == [
        (None, "", "'epochs=1' is not of the form section.key=value"),
        (None, "train.epochs", "must be a number above 0"),
        (None, "trian", "unknown section; did you mean train?"),
    ]


def test_an_override_repairs_a_bad_value_in_the_file() -> None:
    assert parse_profile("[train]\nepochs = 0", source="p", overrides=["train.epochs=1"]).train.epochs == 1


@pytest.mark.parametrize("profile", [path.stem for path in shipped_profiles()])
def test_resolved_settings_read_back_the_same(profile: str) -> None:
    parsed = parse_profile(read_profile(find_profile(profile)).text, source=profile)
    assert parse_profile(to_toml(parsed), source="resolved") == parsed


@pytest.mark.slow
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_no_value_of_any_setting_gets_past_its_declaration(value: object) -> None:
    """Whatever TOML holds, a profile comes out valid or a ProfileError says why."""
    for name, section in sections().items():
        for setting in msgspec.structs.fields(section):
            if f"{name}.{setting.name}" in sections():
                continue
            try:
                written: Any = {setting.name: value}
                for part in reversed(name.split(".")):
                    written = {part: written}
                text = tomli_w.dumps(written)
                tomllib.loads(text)
            except (TypeError, ValueError, UnicodeEncodeError):
                return  # not a TOML value
            try:
                profile = parse_profile(text, source="p")
            except ProfileError as error:
                assert error.problems
            else:
                kept = attrgetter(f"{name}.{setting.name}")(profile)
                assert kept == value
                assert not isinstance(kept, float) or math.isfinite(kept)


def test_a_profile_that_does_not_exist_is_answered_with_the_nearest_or_with_all() -> None:
    with pytest.raises(ProfileError, match=r"^gemma2-9b-qlra: no such file.*did you mean gemma2-9b-qlora\?$"):
        find_profile("gemma2-9b-qlra")
    with pytest.raises(ProfileError, match=r"profiles are demo, deberta-v3-large"):
        find_profile("xyzzy")


def test_profiles_of_ones_own_are_found_by_name_and_before_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    for name in ("mine", "demo"):
        (tmp_path / "profiles" / f"{name}.toml").write_text("[train]\nseed = 7\n")
    assert read_profile(find_profile("mine")).text == "[train]\nseed = 7\n"
    assert find_profile("demo.toml").resolve() == tmp_path / "profiles" / "demo.toml"
    (tmp_path / "profiles" / "demo.toml").write_bytes(shipped_profiles()[0].read_bytes())
    assert find_profile("demo") == shipped_profiles()[0], "a copy of the shipped one is the shipped one"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("caht", 'must be "recipe", "chat", or a text of your own with {prompt}, {response_a}, {response_b}'),
        ("{prompt} {response_a}", "{response_b} is missing"),
        ("{prompt} {response_a} {response_b} {prompt}", "{prompt} stands in it more than once"),
        ("{response_a} {prompt} {response_b}", "in another order"),
        ("{prompt} {response_a} {response_b} {id}", "{id} is no placeholder"),
        ("{prompt!r} {response_a} {response_b}", "{prompt!r} is no placeholder"),
        ("{prompt:>9} {response_a} {response_b}", "{prompt:>9} is no placeholder"),
        ("{prompt.__class__} {response_a} {response_b}", "{prompt.__class__} is no placeholder"),
        ("{} {prompt} {response_a} {response_b}", "{} is no placeholder"),
        ("{x {prompt} {response_a} {response_b}", "written twice, {{ or }}"),
        ("} {prompt} {response_a} {response_b}", "written twice, {{ or }}"),
    ],
)
def test_a_template_is_a_text_with_three_placeholders(template: str, why: str) -> None:
    [problem] = problems(f"[tokens]\n\ntemplate = {json.dumps(template)}")
    assert problem[:2] == (3, "tokens.template")
    assert why in problem[2]


def test_a_template_may_hold_braces() -> None:
    text = "{{{prompt}}} {{{{}}}} {response_a} {response_b}"
    assert parse_profile(f"tokens.template = '{text}'", source="mine").tokens.template == text
    assert divided(text) == ["{", "} {{}} ", " ", ""]
