"""Turns a profile's text and overrides into settings, or into all that is wrong; and tells how two differ."""

import contextlib
import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import tomli_w
from msgspec import Struct, inspect, structs

from core.profile.combined import combined_problems
from core.profile.data_settings import Section
from core.profile.edit import Value, key_lines, literal
from core.profile.errors import Lines, Problem, ProfileError, key_of, problem
from core.profile.explain import allowed
from core.profile.settings import Profile, sections

NOT_OF_A_PROFILE = ("console", "notify", "keys")
"""Sections of the user's own configuration."""

MOST_DOTS = 100
"""On a line, outside strings: of a dotted key, or of numbers."""
_STRINGS_AND_COMMENTS = re.compile(
    r""""{3}(?:[^"\\]|\\[\s\S]|"(?!""))*+"{0,5}|'{3}(?:[^']|'(?!''))*+'{0,5}|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|#[^\n]*+"""
)
"""A string that is not closed ends with its line or the text, so that no part is gone through twice."""

ABSENT = "absent"
"""Stands for a setting without a value, which TOML cannot write."""


def parse_profile(text: str, *, source: str, overrides: Sequence[str] = ()) -> Profile:
    """Settings of the TOML `text`, with `overrides` of the form `section.key=value` applied on top.

    `source` names the text in messages. Raises ProfileError with every problem found.
    """
    given = read_toml(text, source=source)
    lines: Lines = {**key_lines(text)}
    problems = list(_apply(overrides, given, lines))
    valid, found = valid_settings(given, Profile, lines)
    problems += found
    problems += combined_problems(valid, lines)
    if problems:
        raise ProfileError(source, problems)
    return msgspec.convert(valid, Profile)


def read_toml(text: str, *, source: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ProfileError with the line at which it is none, or has a key of too many parts,
    for which tomllib takes time and memory as their square: 60,000 of them, a file of 120 KB, took 8 GB."""
    without_strings = _STRINGS_AND_COMMENTS.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(without_strings.split("\n"), 1):
        if line.count(".") > MOST_DOTS:
            raise ProfileError(source, [Problem(line=number, key="", value="", message="nested too deeply")])
    try:
        return tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits too
        raise ProfileError(source, [_syntax_problem(text, str(error))]) from None
    except RecursionError:
        raise ProfileError(source, [Problem(line=1, key="", value="", message="nested too deeply")]) from None


def valid_settings(
    given: Mapping[str, Any], declared: type[Struct], lines: Lines
) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """The settings in `given` that are as `declared`, a struct of Sections; and the problems of all others."""
    kinds: dict[str, type[Section]] = {f.name: f.type for f in msgspec.structs.fields(declared)}
    valid, problems = {}, []
    for name, values in given.items():
        valid[name], found = _section((name,), values, kinds, lines)
        problems += found
    return valid, problems


def to_toml(profile: Profile) -> str:
    """Every setting of `profile` as TOML. Those that are absent (TOML has no null) stay absent."""
    return tomli_w.dumps(_present(msgspec.to_builtins(profile)))


def _present(table: dict[str, Any]) -> dict[str, Any]:
    """What is there of a table, and of the tables in it, of which empty ones are left out."""
    inner = {name: _present(value) if isinstance(value, dict) else value for name, value in table.items()}
    return {name: value for name, value in inner.items() if value not in (None, {})}


def _syntax_problem(text: str, message: str) -> Problem:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line = int(found[1]) if found else max(1, len(text.splitlines()))
    return Problem(line=line, key="", value="", message=f"not TOML: {message}")


def _apply(overrides: Sequence[str], given: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    for override in overrides:
        key, equals, written = override.partition("=")
        *path, name = key.strip().split(".")
        if not (equals and all(path) and path and name):
            yield Problem(line=None, key="", value="", message=f"{override!r} is not of the form section.key=value")
            continue
        try:
            value = tomllib.loads(f"value = {written}")["value"]
        except (ValueError, RecursionError):
            value = written  # so that a plain word needs no quotes inside the shell's own
        table: Any = given
        for depth, part in enumerate(path, 1):
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
            lines.setdefault(tuple(path[:depth]), None)
        if isinstance(table, dict):
            table[name] = value
            lines[(*path, name)] = None


def _section(
    path: tuple[str, ...], values: Any, kinds: Mapping[str, type[Section]], lines: Lines
) -> tuple[dict[str, Any], list[Problem]]:
    """The valid settings of one table and of those in it, and the problems of the others."""
    if path[-1] not in kinds:
        return {}, [_unknown(path, kinds, lines)]
    if not isinstance(values, dict):
        named = ".".join(path)
        return {}, [problem(path, values, f"must be a table: write [{named}] on a line of its own", lines)]
    section = kinds[path[-1]]
    fields = {f.name: f for f in inspect.type_info(section).fields}  # type: ignore[attr-defined]
    types = {f.name: f.type for f in msgspec.structs.fields(section)}
    valid: dict[str, Any] = {}
    problems = []
    for key, value in values.items():
        if key not in fields:
            problems.append(_unknown((*path, key), fields, lines))
            continue
        if isinstance(fields[key].type, inspect.StructType):
            valid[key], found = _section((*path, key), value, types, lines)
            problems += found
            continue
        with contextlib.suppress(msgspec.ValidationError, OverflowError):
            valid[key] = msgspec.convert(value, types[key])
        if key not in valid or (isinstance(value, float) and not math.isfinite(value)):
            problems.append(problem((*path, key), value, f"must be {allowed(fields[key].type)}", lines))
            valid.pop(key, None)
    return valid, problems


def _unknown(path: tuple[str, ...], known: Mapping[str, Any], lines: Lines) -> Problem:
    if path[-1] in NOT_OF_A_PROFILE:
        message = "a profile may come from a stranger: this belongs in your own configuration, see arena-tui config"
        return Problem(line=lines.get(path, 1), key=key_of(path), value="", message=message)
    nearest = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}"
    kind = "unknown section" if len(path) == 1 else "unknown key"
    return Problem(line=lines.get(path, 1), key=key_of(path), value="", message=f"{kind}; {hint}")


class Change(Struct, frozen=True):
    """A setting, written section.name, with its value before and after; None where it is absent."""

    key: str
    old: Value | None
    new: Value | None

    def __str__(self) -> str:
        return f"{self.key} = {written(self.new)} (it was {written(self.old)})"

    @property
    def override(self) -> str:
        """As `--set` takes it. Raises TypeError for a setting that is to be absent, which an override cannot say."""
        if self.new is None:
            raise TypeError(f"no override can unset {self.key}")
        return f"{self.key}={literal(self.new)}"


def written(value: Value | None) -> str:
    """The value as a profile has it."""
    return ABSENT if value is None else literal(value)


def changes(before: Profile, after: Profile) -> list[Change]:
    """Every setting that differs, in the order of their declarations."""
    were = values(before)
    return [Change(key, were[key], new) for key, new in values(after).items() if were[key] != new]


def values(profile: Profile) -> dict[str, Value | None]:
    """Every setting by its key, section.name, in the order of their declarations; None where it is absent."""
    known = sections()
    keys = [f"{name}.{setting.name}" for name, section in known.items() for setting in structs.fields(section)]
    return {key: attrgetter(key)(profile) for key in keys if key not in known}
