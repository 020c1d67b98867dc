"""Setting one value in a profile's text: that value changes, and not one other byte."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from core.profile.edit import Value, set_value
from core.profile.errors import ProfileError
from core.profile.files import read_profile, shipped_profiles

names = st.sampled_from(["epochs", "seed", "r", "max_length", "train", "a-b", "1"])
sections = st.sampled_from(["train", "data", "lora", "x"])
scalars = st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=12)
values = scalars | st.lists(scalars, max_size=3)
comments = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12).map(lambda words: f"# {words}")


@st.composite
def pairs(draw: st.DrawFn, indent: str) -> str:
    """A key with its value as people write them: spaced, quoted, over several lines, with a comment behind."""
    name = draw(names)
    key = draw(st.sampled_from([name, f'"{name}"', f"'{name}'"]))
    value = draw(values)
    written = tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")
    if isinstance(value, list) and "\n" in written and draw(st.booleans()):
        written = written.replace("\n", " # why\n", 1)
    if isinstance(value, str) and draw(st.booleans()):
        written = '"""\nfirst\n[train]\nseed = 1\n"""'
    equals = draw(st.sampled_from([" = ", "=", "   =  "]))
    return f"{indent}{key}{equals}{written}{draw(st.just('') | comments.map(lambda c: f'  {c}'))}"


@st.composite
def profiles(draw: st.DrawFn) -> str:
    """TOML with comments, blank lines, dotted keys, inline tables and headers, ended by LF or CRLF."""
    fillers = st.lists(st.just("") | comments, max_size=2)
    lines: list[str] = draw(fillers)
    for section in draw(st.lists(sections, unique=True, max_size=3)):
        body = draw(st.lists(pairs(indent=draw(st.sampled_from(["", "  "]))), max_size=3))
        style = draw(st.sampled_from(["header", "dotted", "inline"]))
        if style == "header":
            lines += [draw(st.sampled_from([f"[{section}]", f'[ "{section}" ] # here']))]
            for pair in body:
                lines += [*draw(fillers), pair]
        elif style == "dotted":
            lines = [*(f"{section}.{pair.strip()}" for pair in body), *lines]
        elif all("\n" not in pair and "#" not in pair for pair in body):
            lines = [f"{section} = {{ {', '.join(pair.strip() for pair in body)} }}  # inline", *lines]
        lines += draw(fillers)
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def without_empty(parsed: dict[str, Any]) -> dict[str, Any]:
    return {name: table for name, table in parsed.items() if table != {}}


@pytest.mark.slow
@given(profiles(), sections, names, values | st.none())
def test_only_the_one_value_changes(text: str, section: str, name: str, value: Value | None) -> None:
    key = f"{section}.{name}"
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # the same key drawn twice
        with pytest.raises(ProfileError):
            set_value(text, key, value)
        return
    had_section, had_key = section in expected, name in expected.get(section, {})
    edited = set_value(text, key, value)
    if value is None:
        expected.get(section, {}).pop(name, None)
    else:
        expected.setdefault(section, {})[name] = value
    assert without_empty(tomllib.loads(edited)) == without_empty(expected)

    if value is None and not had_key:
        assert edited == text
    elif value is not None and not had_section:
        assert edited.startswith(text)
    else:  # what stands outside the value's own line is the same, byte for byte
        assert set_value(edited, key, None).rstrip("\r\n") == set_value(text, key, None).rstrip("\r\n")
        assert value is None or set_value(edited, key, value) == edited


TEXT = """\
# My profile.
seed.a = 1

  [train]   # how
  epochs = 2     # passes
  "schedule" = 'linear'
  # warmup_steps = 5

# What is cut.
[tokens]
max_length = 1_024
[lora]
target_modules = [
  "q_proj", # first
  "k_proj",
] # of all
"""


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("train.epochs", 0.5, "epochs = 2     # passes", "epochs = 0.5     # passes"),
        ("train.schedule", "cosine", "\"schedule\" = 'linear'", '"schedule" = "cosine"'),
        ("train.seed", 7, "  # warmup_steps = 5\n", "  # warmup_steps = 5\n  seed = 7\n"),
        ("tokens.ellipsis", "…\n", "1_024\n", '1_024\nellipsis = "…\\n"\n'),
        ("lora.r", 64, "] # of all\n", "] # of all\nr = 64\n"),
        ("lora.target_modules", ["o_proj"], '[\n  "q_proj", # first\n  "k_proj",\n]', '["o_proj"]'),
        ("seed.b", True, "seed.a = 1\n", "seed.a = 1\nseed.b = true\n"),
        ("data.limit", 100, "] # of all\n", "] # of all\n\n[data]\nlimit = 100\n"),
        ("train.epochs", None, "  epochs = 2     # passes\n", ""),
        ("lora.target_modules", None, 'target_modules = [\n  "q_proj", # first\n  "k_proj",\n] # of all\n', ""),
        ("run.name", None, "", ""),
    ],
)
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_where_a_value_is_written(key: str, value: Value | None, old: str, new: str, eol: str) -> None:
    expected = TEXT.replace(old, new) if old else TEXT
    assert set_value(TEXT.replace("\n", eol), key, value) == expected.replace("\n", eol)


@pytest.mark.parametrize(
    ("text", "key", "value", "edited"),
    [
        ("", "train.seed", 1, "[train]\nseed = 1\n"),
        ("train = {}", "train.seed", 1, "train = { seed = 1 }"),
        ("train = { a = 1 } # c", "train.seed", 1, "train = { a = 1, seed = 1 } # c"),
        ("train = { a = 1, b = 2 }", "train.a", None, "train = { b = 2 }"),
        ("train = { a = 1, b = 2 }", "train.b", None, "train = { a = 1 }"),
        ("[train]\na = 1", "train.b", 2, "[train]\na = 1\nb = 2"),
        ("[train]\n# of lora\n[lora]\n", "train.b", 2, "[train]\nb = 2\n# of lora\n[lora]\n"),
        ("[data]\ntrain = '日本語' # é\n", "data.train", "x", '[data]\ntrain = "x" # é\n'),
        ("[train]\na = nan\n", "train.b", 1e-5, "[train]\na = nan\nb = 1e-05\n"),
        ("[data]\na = 1\n", "data.columns.id", "key", '[data]\na = 1\n\n[data.columns]\nid = "key"\n'),
        ("[data.columns]\na = 1\n[data]\n", "data.columns.b", 2, "[data.columns]\na = 1\nb = 2\n[data]\n"),
        ("[data.columns]\na = 1\n", "data.b", 2, "[data.columns]\na = 1\n\n[data]\nb = 2\n"),
        ("data.columns.a = 1\n", "data.columns.b", 2, "data.columns.a = 1\ndata.columns.b = 2\n"),
        ("[data]\ncolumns.a = 1\n", "data.columns.b", 2, "[data]\ncolumns.a = 1\ncolumns.b = 2\n"),
        ("[data]\ncolumns = { a = 1 }\n", "data.columns.b", 2, "[data]\ncolumns = { a = 1, b = 2 }\n"),
        ("[data.columns]\na = 1\nb = 2\n", "data.columns.a", None, "[data.columns]\nb = 2\n"),
    ],
)
def test_the_odd_ways_to_write_a_section(text: str, key: str, value: Value | None, edited: str) -> None:
    assert set_value(text, key, value) == edited


@pytest.mark.parametrize(
    "text", ["[train", "train = 3", "[[train]]\nseed = 1", "[train.epochs]\nx = 1", "a = [" * 3000, "\ufeff[train]"]
)
def test_what_cannot_be_set_is_refused_by_name(text: str) -> None:
    with pytest.raises(ProfileError, match="train"):
        set_value(text, "train.epochs", 1)


@pytest.mark.parametrize("path", shipped_profiles(), ids=lambda path: path.stem)
def test_a_shipped_profile_changes_in_one_line(path: Path) -> None:
    old = read_profile(path).text.splitlines()
    new = set_value(read_profile(path).text, "train.learning_rate", 1e-4).splitlines()
    assert [line for before, line in zip(old, new, strict=True) if before != line] == ["learning_rate = 0.0001"]
