"""The page on the architecture tells of the files that there are, and of no others."""

import ast
import re

import house
import pytest
from places import ROOT


@pytest.mark.slow
def test_the_page_has_the_first_line_of_every_module() -> None:
    written = house.PAGE.read_text("utf-8").split(house.BEGIN + "\n")[1]
    assert written == house.rooms(), "python tests/support/house.py writes it anew"


def test_every_page_of_the_manual_can_be_reached_from_the_readme_and_no_link_leads_nowhere() -> None:
    reached, due = set(), [ROOT / "README.md"]
    while due:
        page = due.pop()
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
            linked = (page.parent / target.replace("%5B", "[").replace("%5D", "]")).resolve()
            assert linked.exists(), f"{page.name} links to {target}"
            if linked.suffix == ".md" and linked not in reached:
                reached.add(linked)
                due.append(linked)
    assert set((ROOT / "docs").glob("*.md")) <= reached


def test_files_are_neither_long_nor_many() -> None:
    files = [path for top in ("core", "arena_tui") for path in (ROOT / top).rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if len(path.read_text("utf-8").splitlines()) > 250] == []


def test_what_the_system_refuses_is_told_in_words() -> None:
    """`str` of an OSError begins with its number, as in [Errno 2]: what may be one is told by core.files.in_words."""

    def is_raw(node: ast.AST, name: str | None) -> bool:
        match node:
            case ast.FormattedValue(value=ast.Name(id=shown)):
                return shown == name
            case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=shown)]):
                return shown == name
        return False

    raw = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for top in ("core", "arena_tui")
        for path in (ROOT / top).rglob("*.py")
        for handler in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(handler, ast.ExceptHandler) and handler.type and "OSError" in ast.unparse(handler.type)
        for node in ast.walk(handler)
        if is_raw(node, handler.name)
    ]
    assert raw == []
