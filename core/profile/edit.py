"""Finds the keys in a TOML text, and sets one value there, leaving every other byte. Knows not what keys mean."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

import tomli_w
import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from core.profile.errors import Problem, ProfileError

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


Scalar = bool | int | float | str
Value = Scalar | list[Scalar]


def set_value(text: str, key: str, value: Value | None) -> str:
    """`text` with `key`, written section.name in bare keys, set to `value`; None removes it with its line.

    A value that is there is replaced in its place. A new key comes last in its section, a new section last in the
    text. Raises ProfileError when the text is not TOML, or when the key cannot be set without changing others.
    """
    *section, name = key.split(".")
    expected = _parsed(text, key)
    found = list(entries(text))
    pair = next((node for path, node in found if path == (*section, name) and node.type == "pair"), None)
    data = text.encode()
    if value is None:
        edited = _without(data, pair) if pair else data
        _table(expected, section).pop(name, None)
    else:
        written = literal(value).encode()
        edited = _with_value(data, pair, written) if pair else _with_key(data, found, tuple(section), name, written)
        _table(expected, section)[name] = value
    if _comparable(_parsed(edited.decode(), key)) != _comparable(expected):
        raise _refusal(key, f"the table {'.'.join(section)} is written in a form in which a single value cannot be set")
    return edited.decode()


def literal(value: Value) -> str:
    """`value` as TOML, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").rstrip("\n")


def value_of(written: str) -> Value:
    """The value that `literal` has written."""
    value: Value = tomllib.loads(f"value = {written}")["value"]
    return value


def _with_value(data: bytes, pair: Node, written: bytes) -> bytes:
    value = pair.named_children[1]
    return data[: value.start_byte] + written + data[value.end_byte :]


def _without(data: bytes, pair: Node) -> bytes:
    inline = pair.parent
    if inline is None or inline.type != "inline_table":
        return data[: _line_start(data, pair.start_byte)] + data[_line_end(data, pair.end_byte) :]
    start, end = pair.start_byte, pair.end_byte
    following, before = pair.next_named_sibling, pair.prev_sibling
    if following:
        end = following.start_byte
    elif before and before.type == ",":
        start = before.start_byte
    return data[:start] + data[end:]


def _with_key(data: bytes, found: list[tuple[Path, Node]], section: Path, name: str, written: bytes) -> bytes:
    """The key in its section, however the text writes that: [section], section = {…}, section.other = …, or not yet."""
    line = name.encode() + b" = " + written
    dotted = None
    for path, node in found:
        if path == section and node.type == "table":
            pairs = [child for child in node.named_children if child.type == "pair"]
            return _with_line(data, pairs[-1] if pairs else node.named_children[0], line)
        if path == section and node.type == "pair" and node.named_children[1].type == "inline_table":
            return _with_inline(data, node.named_children[1], line)
        if path[:-1] == section and node.type == "pair":
            dotted = node
    if dotted:
        written_before = ".".join(_parts(dotted.named_children[0])[:-1]).encode()  # less than all below a header
        return _with_line(data, dotted, written_before + b"." + line)
    header = ".".join(section).encode()
    eol = _eol(data)
    gap = b"" if not data or data.endswith(eol * 2) else eol if data.endswith(eol) else eol * 2
    return data + gap + b"[" + header + b"]" + eol + line + eol


def _with_inline(data: bytes, table: Node, pair: bytes) -> bytes:
    if not table.named_children:
        return data[: table.start_byte] + b"{ " + pair + b" }" + data[table.end_byte :]
    end = table.named_children[-1].end_byte
    return data[:end] + b", " + pair + data[end:]


def _with_line(data: bytes, last: Node, line: bytes) -> bytes:
    """`line` below the one on which `last` ends, and below comments there that do not belong to what follows."""
    eol = _eol(data)
    at = _line_end(data, last.end_byte)
    below = at
    while data[below:].lstrip(b" \t").startswith(b"#"):
        below = _line_end(data, below)
    if not data[below:] or data[below:].lstrip(b" \t")[:1] in b"\r\n":
        at = below
    indent = data[_line_start(data, last.start_byte) : last.start_byte]
    line = indent + line if not indent.strip() else line
    if not data[:at].endswith(b"\n"):
        return data[:at] + eol + line + data[at:]
    return data[:at] + line + eol + data[at:]


def _line_start(data: bytes, at: int) -> int:
    return data.rfind(b"\n", 0, at) + 1


def _line_end(data: bytes, at: int) -> int:
    """Behind the line break, or the end of the text."""
    return data.find(b"\n", at) + 1 or len(data)


def _eol(data: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in data else b"\n"


def _parsed(text: str, key: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _refusal(key, f"not set, because the text is not TOML: {error}") from None


def _table(parsed: dict[str, Any], section: Sequence[str]) -> dict[str, Any]:
    table = parsed
    for part in section:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise _refusal(".".join(section), "must be a table")
    return table


def _comparable(parsed: dict[str, Any]) -> str:
    """Equal texts for equal contents; types are told apart, NaN equals itself, an empty table is as good as none."""
    return json.dumps(_filled(parsed), sort_keys=True, default=repr)


def _filled(table: dict[str, Any]) -> dict[str, Any]:
    inner = {name: _filled(value) if isinstance(value, dict) else value for name, value in table.items()}
    return {name: value for name, value in inner.items() if value != {}}


def _refusal(key: str, message: str) -> ProfileError:
    return ProfileError("profile", [Problem(line=1, key=key, value="", message=message)])
