"""Sweeps: overrides that give a setting several values, and all the combinations that they make."""

import itertools
import math
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from core.profile.edit import literal
from core.profile.errors import Problem, ProfileError
from core.profile.load import parse_profile
from core.profile.settings import Profile, sections

MOST_RUNS = 64
LONGEST_NAME = 60
"""Characters of run.name."""


class Variant(Struct, frozen=True):
    """One run of a sweep. `differs` holds its value, as TOML, of each setting that is swept, by key."""

    profile: Profile
    differs: dict[str, str]


def variants(text: str, *, source: str, name: str, overrides: Sequence[str] = ()) -> list[Variant]:
    """The runs of a profile's TOML `text` with every combination of the values in `overrides`, section.key=value.

    One, in which nothing differs, where each gives one value. A list stands for its items, unless the setting itself
    takes such a list: [1e-4, 2e-4] for a number, [["q_proj"], ["q_proj", "v_proj"]] for a list of names. Runs of a
    sweep are called by the profile's run.name, else `name`, and what differs. Raises ProfileError with every problem
    found, and for more than MOST_RUNS runs.
    """
    overrides = list({override.partition("=")[0].strip(): override for override in overrides}.values())
    swept = [(key, items) for key, items in map(_swept, overrides) if items is not None]
    for key, items in swept:
        if not items:
            raise _refusal(source, key, "a list without items: there is nothing to run")
    count = math.prod(len(items) for _, items in swept)
    if count > MOST_RUNS:
        keys = " × ".join(key for key, _ in swept)
        raise _refusal(source, keys, f"{count:,} runs; a sweep has at most {MOST_RUNS}")
    single = [override for override in overrides if _swept(override)[1] is None]
    found, problems = [], {}
    for combination in itertools.product(*(items for _, items in swept)):
        differs = {key: literal(value) for (key, _), value in zip(swept, combination, strict=True)}
        chosen = [*single, *(f"{key}={value}" for key, value in differs.items())]
        try:
            profile = parse_profile(text, source=source, overrides=chosen)
        except ProfileError as error:
            problems.update({str(problem): problem for problem in error.problems})
            continue
        if differs and "run.name" not in differs:
            run = structs.replace(profile.run, name=_name(profile.run.name or name, differs))
            profile = structs.replace(profile, run=run)
        found.append(Variant(profile, differs))
    if problems:
        raise ProfileError(source, list(problems.values()))
    return found


def _name(name: str, differs: dict[str, str]) -> str:
    """A name of at most LONGEST_NAME characters: that of the profile, shortened first, and what differs."""
    parts = [key.partition(".")[2] + "-" + value.strip('"') for key, value in differs.items()]
    difference = "-".join(parts)[: LONGEST_NAME * 3 // 4]
    return f"{name[: LONGEST_NAME - len(difference) - 1]}-{difference}"


def _swept(override: str) -> tuple[str, list[Any] | None]:
    """The key of an override, and the values that it stands for; None where it is one value."""
    key, _, written = override.partition("=")
    items = _items(written.strip())
    return key.strip(), None if items is None or _takes(key.strip(), items) else items


def _items(written: str) -> list[Any] | None:
    """The items of a list, None where `written` is none. Words need no quotes, which a shell would take away."""
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):
        if not (written.startswith("[") and written.endswith("]")):
            return None
        words = [word.strip() for word in written[1:-1].split(",")]
        return [_plain(word) for word in words if word]
    return value if isinstance(value, list) else None


def _plain(word: str) -> Any:
    try:
        return tomllib.loads(f"value = {word}")["value"]
    except (ValueError, RecursionError):
        return word


def _takes(key: str, items: list[Any]) -> bool:
    """Whether the list as a whole is a value of the setting. True for an unknown key too: it is told as one."""
    section, _, name = key.rpartition(".")
    known = sections()
    if section not in known:
        return True
    settings = {field.name: field.type for field in structs.fields(known[section])}
    if name not in settings:
        return True
    try:
        msgspec.convert(items, settings[name])
    except msgspec.ValidationError:
        return False
    return True


def _refusal(source: str, key: str, message: str) -> ProfileError:
    return ProfileError(source, [Problem(line=None, key=key, value="", message=message)])
