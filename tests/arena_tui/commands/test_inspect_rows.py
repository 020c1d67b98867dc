"""`arena-tui inspect FILE`: rows are looked at without a profile, by real children."""

import json
from pathlib import Path

import pytest
import tiny
from command_line import arena_tui

from core.profile.files import names_rows

ROWS = [tiny.row(n, n % 3, prompt=json.dumps([f"What is {n}?"])) for n in range(20)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rows, and with a tokenizer of which there is no model."""
    monkeypatch.setenv("ARENA_TUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    tiny.write_csv(tmp_path / "rows.csv", ROWS)
    (tmp_path / "words").mkdir()
    tiny.tokenizer().backend_tokenizer.save(str(tmp_path / "words" / "tokenizer.json"))
    return tmp_path


@pytest.mark.parametrize(
    ("word", "is_rows"),
    [
        ("rows.csv", True),
        ("absent.jsonl.gz", True),
        ("rows.zip/train.csv", True),
        ("words", True),
        ("*.parquet", True),
        ("owner/name", True),
        ("owner/name:config:test", True),
        ("words/name", False),
        ("mine.toml", False),
        ("absent.toml", False),
        ("profiles", False),
        ("notes.txt", False),
    ],
)
def test_rows_are_told_from_profiles_by_their_names(
    word: str, is_rows: bool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert names_rows(word) == is_rows


@pytest.mark.slow
def test_rows_are_inspected_by_the_recipe_in_tokens_of_a_folder(place: Path) -> None:
    told = arena_tui("inspect", "rows.csv", "--tokenizer", "words", "--set", "tokens.max_length=32", cwd=place)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0] == "by the recipe's settings and the tokenizer of words"
    assert lines[1].startswith("rows.csv: CSV with commas, read as lmsys")
    assert "20 rows, 16 to train and 4 to evaluate: fold 0 of 5 by row" in lines
    assert "exceed 32 tokens" in told.stdout

    tiny.write_csv(place / "more.csv", [row | {"id": row["id"] + 100} for row in ROWS])
    both = arena_tui("inspect", "rows.csv", "more.csv", "--tokenizer", "words", "--json", cwd=place)
    assert [(one["source"], one["rows"]) for one in json.loads(both.stdout)["read"]] == [
        ("rows.csv", 20),
        ("more.csv", 20),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["rows.csv"], "is not on this machine. --tokenizer names one"),
        (["absent.csv"], "absent.csv: cannot be read: No such file"),
        (["rows.csv", "demo"], "demo: not a file of rows"),
        (["demo", "--tokenizer", "words"], "--tokenizer is for rows without a profile"),
        (["rows.csv", "--set", "tokens.max_length=2"], "tokens.max_length"),
        (["nothing-like-it"], "no such file, nor a profile of that name"),
    ],
)
def test_what_keeps_rows_from_being_inspected_is_told(arguments: list[str], problem: str, place: Path) -> None:
    told = arena_tui("inspect", *arguments, cwd=place)
    assert told.returncode == 2
    assert problem in told.stderr
    assert "Traceback" not in told.stderr
