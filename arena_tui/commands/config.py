"""`arena-tui config`: the user's own configuration as it is read, in the form of such a file."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command
from arena_tui.streams import print_toml

if TYPE_CHECKING:
    from textual.binding import Binding

    from arena_tui.commands.common import Commands
    from core.config import Config


def add(commands: "Commands") -> None:
    parser = add_command(commands, "config", "print your configuration, all of its settings, and what is wrong with it")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:  # noqa: ARG001
    from arena_tui.all_keys import all_keys
    from arena_tui.keys import key_problems
    from arena_tui.plain import printable
    from core.config import read_config

    file, usual = read_config(), list(all_keys())
    print_toml(f"# {printable(str(file.path))}{'' if file.path.exists() else ' (not there)'}")
    print_toml("\n".join([*_settings(file.config), *_keys(file.config, usual)]))
    problems = [*file.problems, *key_problems(file.config.keys, file.lines, usual)]
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
