"""`arena-tui runs`: the list of runs."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command, add_json, add_runs_dir

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "runs", "list runs, newest first")
    add_runs_dir(parser)
    add_json(parser, "one JSON list on stdout")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.table import as_json, as_table
    from core.runs.folder import list_runs, runs_folder

    known = list_runs(runs_folder(options.runs_dir))
    print(as_json(known) if options.json else as_table(known))
    return 0
