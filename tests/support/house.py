"""The page on the architecture: a line for each file, taken from its docstring.

python tests/support/house.py   # writes them anew, below what people have written
"""

import ast
from pathlib import Path

from places import ROOT

PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- Below: the first line of each module. `python tests/support/house.py` writes it anew. -->"


def rooms() -> str:
    """A heading for each package with what it says of itself, and a line for each of its modules."""
    lines = []
    for package in sorted({path.parent for top in ("core", "arena_tui") for path in (ROOT / top).rglob("*.py")}):
        lines += ["", f"### `{package.relative_to(ROOT)}/`", ""]
        if about := _first_line(package / "__init__.py"):
            lines += [about, ""]
        modules = sorted(path for path in package.glob("*.py") if path.name != "__init__.py")
        lines += [f"- `{path.name}`: {_first_line(path)}" for path in modules]
    return "\n".join(lines) + "\n"


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text("utf-8").split(BEGIN)[0] + BEGIN + "\n" + rooms(), "utf-8")
