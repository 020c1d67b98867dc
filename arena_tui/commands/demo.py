"""`arena-tui demo`: the embedded demo, in the console or here."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands import train
from arena_tui.commands.common import add_command, add_runs_dir
from arena_tui.commands.console import in_a_terminal, open_console

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "demo", "train the embedded demo, in the console or, without a terminal, here")
    add_runs_dir(parser)
    parser.set_defaults(command=run, profile="demo", overrides=[], detach=False, json=False)


def run(options: argparse.Namespace) -> int:
    if in_a_terminal():
        from core.profile.files import find_profile

        return open_console(options, start=find_profile("demo"))
    return train.run(options)
