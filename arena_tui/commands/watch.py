"""`arena-tui watch`: follows a run and touches nothing."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command, add_run, add_runs_dir, seen_work
from arena_tui.commands.console import in_a_terminal, open_console
from arena_tui.streams import send_codes

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "watch",
        "follow a run or a prediction: in a terminal on a screen of its own, in a pipe line by line until it ends",
    )
    add_run(parser)
    add_runs_dir(parser)
    parser.add_argument("--lines", action="store_true", help="line by line in a terminal too; Ctrl-C leaves it running")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.ending import signals
    from arena_tui.lines import exit_code, follow
    from core.config import read_config
    from core.runs.state import read_run

    folder = seen_work(options)
    if in_a_terminal() and not options.lines:
        options.readonly = True
        open_console(options, watch=folder)
        state, status = read_run(folder)
        return exit_code(state) if status.is_over else 0
    try:
        state, status = follow(folder, sys.stdout)
    except KeyboardInterrupt:
        print("left; the run goes on", file=sys.stderr)
        return 130
    if sys.stdout.isatty():
        send_codes(signals(read_config().config.notify, folder, status), sys.stdout)
    return exit_code(state)
