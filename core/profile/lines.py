"""Finds the line on which each key of a TOML text stands. Knows nothing of what the keys mean."""

import tomllib
from collections.abc import Iterator

import tree_sitter_toml
from tree_sitter import Language, Node, Parser


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line, counted from 1, of every table header and key, by its full dotted path."""
    parser = Parser(Language(tree_sitter_toml.language()))
    lines: dict[tuple[str, ...], int] = {}
    for path, node in _keys(parser.parse(text.encode()).root_node, ()):
        lines.setdefault(path, node.start_point.row + 1)
    return lines


def _keys(node: Node, prefix: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    for child in node.named_children:
        if child.type in ("table", "table_array_element", "pair"):
            key = child.named_children[0]
            path = prefix + _parts(key)
            for depth in range(len(prefix) + 1, len(path) + 1):
                yield path[:depth], key
            yield from _keys(child, path)
        elif child.type == "inline_table":
            yield from _keys(child, prefix)


def _parts(key: Node) -> tuple[str, ...]:
    if key.type == "dotted_key":
        return tuple(part for child in key.named_children for part in _parts(child))
    text = (key.text or b"").decode()
    if key.type == "quoted_key":
        return (tomllib.loads(f"key = {text}")["key"],)
    return (text,)
