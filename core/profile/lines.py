"""Finds the place of each key in a TOML text. Knows nothing of what the keys mean."""

import tomllib
from collections.abc import Iterator

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str, ...]


def key_lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every table header and key, by its full dotted path."""
    lines: dict[Path, int] = {}
    for path, node in entries(text):
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], node.start_point.row + 1)
    return lines


def entries(text: str) -> Iterator[tuple[Path, Node]]:
    """Every table, array element and pair of key and value with its full dotted path, from top to bottom.

    Positions of the nodes count bytes of the text in UTF-8.
    """
    parser = Parser(Language(tree_sitter_toml.language()))
    yield from _entries(parser.parse(text.encode()).root_node, ())


def _entries(node: Node, prefix: Path) -> Iterator[tuple[Path, Node]]:
    for child in node.named_children:
        if child.type in ("table", "table_array_element", "pair"):
            path = prefix + _parts(child.named_children[0])
            yield path, child
            yield from _entries(child, path)
        elif child.type == "inline_table":
            yield from _entries(child, prefix)


def _parts(key: Node) -> Path:
    if key.type == "dotted_key":
        return tuple(part for child in key.named_children for part in _parts(child))
    text = (key.text or b"").decode()
    if key.type == "quoted_key":
        return (tomllib.loads(f"key = {text}")["key"],)
    return (text,)
