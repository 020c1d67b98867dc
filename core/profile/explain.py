"""What each setting means and takes, read off its declaration; and all of it as a JSON schema."""

import tomllib
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct, inspect

from core.profile.edit import literal
from core.profile.settings import Profile, sections

_NUMBERS = {inspect.IntType: "a whole number", inspect.FloatType: "a number"}


def allowed(kind: inspect.Type) -> str:
    """What values `kind` takes, as a phrase that follows "must be"; null is not mentioned, TOML has none."""
    match kind:
        case inspect.Metadata():
            return allowed(kind.type)
        case inspect.UnionType():
            return " or ".join(allowed(t) for t in kind.types if not isinstance(t, inspect.NoneType))
        case inspect.LiteralType():
            values = [f'"{value}"' for value in kind.values]
            return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
        case inspect.IntType() | inspect.FloatType():
            return _NUMBERS[type(kind)] + _bounds(kind)
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            longest = f" of at most {kind.max_length} characters" if kind.max_length else ""
            return f"a text{longest}" if kind.min_length is None else f"a text{longest}, not empty"
        case inspect.ListType():
            several = f"a list of {kind.min_length or 0} to {kind.max_length} items" if kind.max_length else "a list"
            return f"{several}, each {allowed(kind.item_type)}"
    raise TypeError(f"no words for {kind!r}")


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    words = [
        f"{word} {bound:,}"
        for word, bound in (
            ("above", kind.gt),
            ("at least", kind.ge),
            ("below", kind.lt),
            ("at most", kind.le),
        )
        if bound is not None
    ]
    return f" {' and '.join(words)}" if words else ""


class Setting(Struct, frozen=True, kw_only=True):
    """One key of a profile, or of the configuration. Values are written as TOML; None stands for an absent key."""

    section: str
    name: str
    meaning: str
    allowed: str
    unit: str | None
    default: str | None
    recipe: str | None
    values: tuple[str, ...]
    """The values that are enumerated, also those beside a number or a list."""
    items: tuple[str, ...]
    """For a list: its items, where they are enumerated."""

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"


@cache
def settings(declared: type[Struct] = Profile) -> dict[str, dict[str, Setting]]:
    """Every setting of the Sections in `declared` by section and name, in the order of their declaration."""
    defaults = declared()
    return {
        name: {
            field.name: _setting(name, field.name, field.type, attrgetter(f"{name}.{field.name}")(defaults))
            for field in inspect.type_info(section).fields  # type: ignore[attr-defined]
            if not isinstance(field.type, inspect.StructType)
        }
        for name, section in sections(declared).items()
    }


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a profile: descriptions with units, bounds, defaults, and no other keys."""
    made = msgspec.json.schema(Profile)
    declared = sections()
    for section, known in settings().items():
        within, _, own = section.rpartition(".")
        of = made["$defs"][declared[within].__name__ if within else Profile.__name__]["properties"]
        of[own].pop("default", None)
        properties = made["$defs"][declared[section].__name__]["properties"]
        for name, setting in known.items():
            properties[name] = _property(properties[name], setting)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "arena-tui profile"} | made


def _setting(section: str, name: str, kind: inspect.Type, default: Any) -> Setting:
    assert isinstance(kind, inspect.Metadata), f"{section}.{name} has no description"
    extra = {"recipe": default} | (kind.extra or {})
    named = [literal(value) for value in extra.get("values", ())]  # texts with a meaning, where any other may stand
    return Setting(
        section=section,
        name=name,
        meaning=(kind.extra_json_schema or {})["description"],
        allowed=", ".join([*named, f"or {allowed(kind)}"]) if named else allowed(kind),
        unit=extra.get("unit"),
        default=_written(default),
        recipe=_written(extra["recipe"]),
        values=(*_enumerated(kind), *named),
        items=tuple(
            value
            for part in _parts(kind)
            if isinstance(part, inspect.ListType)
            for value in _enumerated(part.item_type)
        ),
    )


def _property(declared: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """A property without null, which TOML does not have, with its unit and its default."""
    kinds = [kind for kind in declared.pop("anyOf", []) if kind != {"type": "null"}]
    made = declared | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
    made.pop("default", None)
    if setting.default is not None:
        made["default"] = tomllib.loads(f"value = {setting.default}")["value"]
    if setting.unit:
        made["description"] += f" ({setting.unit})"
    return made


def _parts(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.Metadata():
            yield from _parts(kind.type)
        case inspect.UnionType():
            for part in kind.types:
                yield from _parts(part)
        case _:
            yield kind


def _enumerated(kind: inspect.Type) -> Iterator[str]:
    for part in _parts(kind):
        if isinstance(part, inspect.LiteralType):
            yield from (literal(value) for value in part.values if value is not None)
        elif isinstance(part, inspect.BoolType):
            yield from ("true", "false")


def _written(value: Any) -> str | None:
    return None if value is None else literal(value)
