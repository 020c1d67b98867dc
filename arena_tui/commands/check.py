"""`arena-tui check`: what is wrong with a profile."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command, add_profile, chosen_profile

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "check", "list everything wrong with a profile")
    add_profile(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    profile, path = chosen_profile(options)
    print(f"{path}: no problems; global batch {profile.global_batch}")
    return 0
