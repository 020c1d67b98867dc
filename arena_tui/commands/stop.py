"""`arena-tui stop`: ends a run in good order."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_run

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "stop", "let a run finish its step, save and end; once more: end at once")
    add_run(parser)
    add_runs_dir(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.lines import follow
    from core.runs.process import request_stop

    folder = chosen_run(options)
    info = folder.read_info()
    if info is None or not request_stop(info):
        raise Refused(f"{folder.id} is not running here", 1)
    state, status = follow(folder, sys.stderr)
    print(f"{folder.id} {status}")
    return 0 if state.last else 1
