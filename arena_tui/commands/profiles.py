"""`arena-tui check`, `schema`, `config`: what is wrong with a profile, what it may hold, and the user's settings."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_profile, chosen_profile, tell_json
from arena_tui.terminal.streams import print_json, print_toml

if TYPE_CHECKING:
    from textual.binding import Binding

    from arena_tui.commands.common import Commands
    from core.config import Config
    from core.profile.errors import Problem


def add(commands: "Commands") -> None:
    _add_check(commands)
    _add_schema(commands)
    _add_config(commands)


def _add_check(commands: "Commands") -> None:
    parser = add_command(commands, "check", "list everything wrong with a profile")
    add_profile(parser)
    add_json(parser, "print one JSON object")
    parser.set_defaults(command=_run_check)


def _run_check(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import utf8
    from core.profile.errors import ProfileError
    from core.profile.files import absent_paths

    try:
        profile, path = chosen_profile(options)
    except Refused as refused:
        if options.json and isinstance(refused.__cause__, ProfileError):
            problems = [_as_json(problem) for problem in refused.__cause__.problems]
            tell_json({"profile": utf8(refused.__cause__.source), "problems": problems})
        raise
    absent = absent_paths(profile, Path.cwd())
    if options.json:
        told = {"profile": utf8(str(path)), "problems": [], "absent": {key: utf8(lies) for key, lies in absent.items()}}
        tell_json({**told, "global_batch": profile.global_batch})
        return 0
    print(f"{path}: no problems; global batch {profile.global_batch}")
    for key, lies in absent.items():
        print(f"{path}: cannot be run here yet: {key}: there is no {lies}")
    return 0


def _as_json(problem: "Problem") -> dict[str, object]:
    return {"line": problem.line, "key": problem.key, "message": problem.message}


def _add_schema(commands: "Commands") -> None:
    add_command(commands, "schema", "print the JSON schema of profiles, for other editors").set_defaults(
        command=_run_schema
    )


def _run_schema(_options: argparse.Namespace) -> int:
    import msgspec

    from core.profile.explain import schema

    print_json(msgspec.json.format(msgspec.json.encode(schema()), indent=2))
    return 0


def _add_config(commands: "Commands") -> None:
    parser = add_command(commands, "config", "print your configuration, all settings, and any problems")
    add_json(parser, "print one JSON object")
    parser.set_defaults(command=_run_config)


def _run_config(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.app.app import ArenaApp
    from arena_tui.app.bindings import all_keys, key_problems_of
    from arena_tui.format.sanitize import printable, utf8
    from core.config import read_config

    file, usual = read_config(), list(all_keys(ArenaApp.BINDINGS))
    problems = [*file.problems, *key_problems_of(file, ArenaApp.BINDINGS)]
    if options.json:
        keys = {binding.id: file.config.keys.get(binding.id or "", binding.key) for binding in usual}
        settings = msgspec.to_builtins(file.config) | {"keys": keys}
        told = {"path": utf8(str(file.path)), "settings": settings, "problems": list(map(_as_json, problems))}
        tell_json(told)
        return 2 if problems else 0
    print_toml(f"# {printable(str(file.path))}{'' if file.path.exists() else ' (does not exist)'}")
    print_toml("\n".join([*_settings(file.config), *_keys(file.config, usual)]))
    for problem in problems:
        print(f"{file.path}: {problem}", file=sys.stderr)
    return 2 if problems else 0


def _settings(config: "Config") -> Iterator[str]:
    """All settings with their meaning; those that are absent stand as comments."""
    import textwrap

    import msgspec

    from core.config import Config
    from core.profile.edit import literal
    from core.profile.explain import settings

    values = msgspec.to_builtins(config)
    for section, known in settings(Config).items():
        yield f"\n[{section}]"
        for name, setting in known.items():
            yield from textwrap.wrap(setting.meaning, 100, initial_indent="# ", subsequent_indent="# ")
            value = values[section][name]
            yield f"# {name} = {setting.allowed}" if value is None else f"{name} = {literal(value)}"


def _keys(config: "Config", usual: "list[Binding]") -> Iterator[str]:
    """All keys that can be changed; several are divided by commas."""
    from core.profile.edit import literal

    yield "\n[keys]"
    for binding in usual:
        keys = config.keys.get(binding.id or "", binding.key)
        yield f"{f'{binding.id} = {literal(keys)}':<44} # {binding.tooltip}"
