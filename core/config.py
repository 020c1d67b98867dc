"""The user's own configuration, one file for all: how the console looks, its keys, what tells the end of a run.

Every setting is declared here once. What is wrong with the file is a problem to be told; what is right in it counts.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from core.files import MOST_OF_A_PROFILE, read_bounded
from core.profile.data_settings import Section
from core.profile.edit import key_lines, set_value
from core.profile.errors import Lines, Problem, ProfileError
from core.profile.files import write_profile
from core.profile.load import read_toml, valid_settings
from core.user import home

CONFIG_VARIABLE = "ARENA_TUI_CONFIG"
KEYS = "keys"


class Console(Section, frozen=True, kw_only=True):
    """How the console looks."""

    theme: Annotated[
        Literal["dark", "light", "colour-blind"],
        Meta(description="Colours; colour-blind uses those of Okabe and Ito throughout"),
    ] = "dark"
    ascii: Annotated[
        bool | None,
        Meta(
            description="Draw with ASCII characters only; when absent, where the locale is not UTF-8 or TERM is linux"
        ),
    ] = None
    frame_rate: Annotated[
        Annotated[int, Meta(ge=1, le=60)] | None,
        Meta(
            description="Highest rate of screen updates; when absent, 60, or 15 over SSH", extra={"unit": "per second"}
        ),
    ] = None
    animation: Annotated[bool | None, Meta(description="Animate scrolling; when absent, everywhere but over SSH")] = (
        None
    )


class Notify(Section, frozen=True, kw_only=True):
    """What tells the end of a run."""

    command: Annotated[
        list[str],
        Meta(description="Program and arguments to start when a run ends, without a shell; none when empty"),
    ] = msgspec.field(default_factory=list)
    bell: Annotated[bool, Meta(description="An open console or watch rings the terminal's bell")] = False
    osc9: Annotated[
        bool, Meta(description="An open console or watch sends the terminal a notification (OSC 9), through tmux too")
    ] = False


class Config(Struct, frozen=True, kw_only=True):
    """`keys` holds the keys that are not the usual ones, by the name of what they do; several are divided by commas."""

    console: Console = Console()
    notify: Notify = msgspec.field(default_factory=Notify)
    keys: dict[str, str] = msgspec.field(default_factory=dict)


class ConfigFile(Struct, frozen=True):
    """What was read of the file at `path`, which need not exist. `lines` holds the line of each key."""

    path: Path
    config: Config
    problems: tuple[Problem, ...] = ()
    lines: dict[str, int] = msgspec.field(default_factory=dict)


def config_path() -> Path:
    """$ARENA_TUI_CONFIG, else arena-tui/config.toml in the user's folder for configurations. It may not exist."""
    if chosen := os.environ.get(CONFIG_VARIABLE):
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config") / "arena-tui" / "config.toml"


def read_config() -> ConfigFile:
    """The configuration as far as it can be used, with the problems of the rest. Never raises."""
    path = config_path()
    try:
        text = read_bounded(path, MOST_OF_A_PROFILE).decode()
        given = read_toml(text, source=str(path))
    except FileNotFoundError:
        return ConfigFile(path, Config())
    except OSError as error:
        return ConfigFile(path, Config(), (_whole(f"cannot be read: {error.strerror}"),))
    except UnicodeDecodeError:
        return ConfigFile(path, Config(), (_whole("not UTF-8 text"),))
    except ProfileError as error:
        return ConfigFile(path, Config(), tuple(error.problems))
    lines: Lines = {**key_lines(text)}
    given_keys = given.pop(KEYS, {})
    sections, problems = valid_settings(given, Config, lines)
    keys, wrong = _keys(given_keys, lines)
    return ConfigFile(
        path,
        msgspec.convert({**sections, KEYS: keys}, Config),
        tuple(sorted([*problems, *wrong], key=lambda problem: problem.line or 0)),
        {".".join(path[1:]): line for path, line in lines.items() if line and path[0] == KEYS},
    )


def set_theme(path: Path, theme: str) -> None:
    """Write a theme into the configuration at `path`, which need not exist; every other byte of it stays.

    Raises ProfileError where it is no text in which that can be set, and OSError.
    """
    try:
        text = read_bounded(path, MOST_OF_A_PROFILE).decode()
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError:
        raise ProfileError(str(path), [_whole("not UTF-8 text")]) from None
    try:
        edited = set_value(text, "console.theme", theme)
    except ProfileError as error:
        raise ProfileError(str(path), error.problems) from None
    write_profile(path, edited)


def _keys(given: Any, lines: Lines) -> tuple[dict[str, str], list[Problem]]:
    """[keys], where monitor.stop = "S" and [keys.monitor] with stop = "S" say the same."""
    keys, problems = {}, []
    for path, value in _flat(given, (KEYS,)):
        if isinstance(value, str) and value.strip():
            keys[".".join(path[1:])] = value
        else:
            problems.append(
                Problem(line=lines.get(path, 1), key=".".join(path), value=repr(value)[:60], message="must be a key")
            )
    return keys, problems


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, (*path, name))
    else:
        yield path, value


def _whole(message: str) -> Problem:
    return Problem(line=1, key="", value="", message=message)
