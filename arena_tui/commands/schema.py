"""`arena-tui schema`: what a profile may hold, for other editors."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    add_command(commands, "schema", "print the JSON schema of profiles, for other editors").set_defaults(command=run)


def run(_options: argparse.Namespace) -> int:
    import msgspec

    from core.profile.explain import schema

    print_json(msgspec.json.format(msgspec.json.encode(schema()), indent=2))
    return 0
