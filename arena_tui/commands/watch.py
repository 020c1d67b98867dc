"""`arena-tui watch`: follows a run and touches nothing."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command, add_run, add_runs_dir, chosen_run

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "watch", "follow a run until it ends; Ctrl-C leaves it running")
    add_run(parser)
    add_runs_dir(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.lines import exit_code, follow

    try:
        state, _ = follow(chosen_run(options), sys.stdout)
    except KeyboardInterrupt:
        print("left; the run goes on", file=sys.stderr)
        return 130
    return exit_code(state)
