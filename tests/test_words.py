"""One term for each thing: words that the glossary has another term for stand in no text that a user can meet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TERMS = {
    "exchanged": "swapped",
    "foretold": "predicted",
    "reckoned": "estimated",
    "reckoning": "estimate",
    "answer rows": "predict rows",
    "for want of": "because memory ran out",
    "to mend": "to fix",
    "cut short": "truncated",
    "won and lost": "report",
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "profiles").glob("*.toml"))]
FILE_NAMES = ("evaluation-exchanged.jsonl",)


def strings(file: Path) -> Iterator[str]:
    """What a module may say: its strings, without docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    quiet = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            yield node.value


@pytest.fixture(scope="module")
def texts() -> list[tuple[Path, str]]:
    modules = [file for package in ("arena_tui", "core") for file in (ROOT / package).rglob("*.py")]
    said = [(file, text) for file in modules for text in strings(file) if text not in FILE_NAMES]
    said += [(file, file.read_text("utf-8")) for file in PAGES if file.name != "architecture.md"]
    return [(file.relative_to(ROOT), " ".join(text.split())) for file, text in said]


@pytest.mark.parametrize("word", TERMS)
def test_a_thing_has_one_term(word: str, texts: list[tuple[Path, str]]) -> None:
    found = [file for file, text in texts if re.search(rf"\b{word}\b", text)]
    assert not found, f"the glossary calls it {TERMS[word]}"


def test_the_glossary_has_each_term_once_in_order() -> None:
    rows = re.findall(r"^\| (.+?) \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)[2:]
    assert rows == sorted(set(rows), key=str.lower)
    assert {"recall", "precision", "swapped", "standard error", "peak memory", "evaluation log loss"} <= {*rows} | {
        name for row in rows for name in row.split(", ")
    }
