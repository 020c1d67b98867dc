"""Sweeps: overrides that give a setting several values, and the runs that they make: all, or some drawn."""

import itertools
import math
import random
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from core.profile.edit import literal
from core.profile.errors import Problem, ProfileError
from core.profile.load import parse_profile
from core.profile.search import Range, Search, range_of
from core.profile.settings import Profile, sections

MOST_RUNS = 64
LONGEST_NAME = 60
"""Characters of run.name."""


class Variant(Struct, frozen=True):
    """One run of a sweep. `differs` holds its value, as TOML, of each setting that is swept, by key."""

    profile: Profile
    differs: dict[str, str]


class _Swept(Struct, frozen=True):
    """Settings that get values together, and the values, a tuple each; or the range that the one of them is drawn
    from."""

    keys: tuple[str, ...]
    choices: list[tuple[Any, ...]] | Range

    def drawn(self, chance: random.Random) -> tuple[Any, ...]:
        return (self.choices.draw(chance),) if isinstance(self.choices, Range) else chance.choice(self.choices)


def variants(
    text: str, *, source: str, name: str, overrides: Sequence[str] = (), search: Search | None = None
) -> list[Variant]:
    """The runs of a profile's TOML `text` with every combination of the values in `overrides`, section.key=value; with
    `search` as many as it asks for, each value drawn from its list or range.

    One, in which nothing differs, where each gives one value. A list stands for its items, unless the setting itself
    takes such a list: [1e-4, 2e-4] for a number, [["q_proj"], ["q_proj", "v_proj"]] for a list of names. Settings with
    commas between them get values together, [[16, 32], [64, 16]]. Runs of a sweep are called by the profile's run.name,
    else `name`, and what differs. Raises ProfileError with every problem found, and for more than MOST_RUNS runs.
    """
    overrides = list({override.partition("=")[0].strip(): override for override in overrides}.values())
    by_override = {override: _swept(override, source) for override in overrides}
    single = [override for override, one in by_override.items() if one is None]
    swept = [one for one in by_override.values() if one]
    keys = [key for one in swept for key in one.keys]
    found, problems = [], {}
    for combination in _combinations(swept, search, source):
        values = itertools.chain.from_iterable(combination)
        differs = {key: literal(value) for key, value in zip(keys, values, strict=True)}
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


def _combinations(swept: Sequence[_Swept], search: Search | None, source: str) -> Iterable[tuple[tuple[Any, ...], ...]]:
    """The values of each run, in the order of `swept`. Raises ProfileError."""
    keys = " × ".join(",".join(one.keys) for one in swept)
    if search:
        if not swept:
            raise _refusal(source, "--trials", "nothing to draw: give a setting a range or a list of values")
        count = search.trials
        if count < 1:
            raise _refusal(source, "--trials", "takes a number from 1 on")
    else:
        ranges = [one for one in swept if isinstance(one.choices, Range)]
        if ranges:
            raise _refusal(source, ranges[0].keys[0], "a range needs --trials N, the number of runs to draw")
        count = math.prod(len(one.choices) for one in swept if isinstance(one.choices, list))
    if count > MOST_RUNS:
        raise _refusal(source, keys, f"{count:,} runs; a sweep has at most {MOST_RUNS}")
    if search:
        chance = random.Random(search.seed)
        return [tuple(one.drawn(chance) for one in swept) for _ in range(search.trials)]
    return itertools.product(*(one.choices for one in swept if isinstance(one.choices, list)))


def _name(name: str, differs: dict[str, str]) -> str:
    """A name of at most LONGEST_NAME characters: that of the profile, shortened first, and what differs."""
    parts = [key.partition(".")[2] + "-" + value.strip('"') for key, value in differs.items()]
    difference = "-".join(parts)[: LONGEST_NAME * 3 // 4]
    return f"{name[: LONGEST_NAME - len(difference) - 1]}-{difference}"


def _swept(override: str, source: str) -> _Swept | None:
    """The settings of an override and the values it stands for; None where it is one value. Raises ProfileError."""
    key, _, written = override.partition("=")
    keys = tuple(part.strip() for part in key.split(","))
    try:
        drawn_from = range_of(written)
    except ValueError as error:
        raise _refusal(source, key.strip(), str(error)) from None
    if drawn_from and len(keys) == 1:
        return _Swept(keys, drawn_from)
    items = _items(written.strip())
    if len(keys) > 1:
        if not items or not all(isinstance(item, list) and len(item) == len(keys) for item in items):
            raise _refusal(source, key.strip(), f"takes a list of lists, each of {len(keys)} values")
        return _Swept(keys, [tuple(item) for item in items])
    if items is None or _takes(keys[0], items):
        return None
    if not items:
        raise _refusal(source, keys[0], "a list without items: there is nothing to run")
    return _Swept(keys, [(item,) for item in items])


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
