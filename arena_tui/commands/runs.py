"""`arena-tui runs`: the list of runs."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_runs_dir
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "runs", "list runs, newest first")
    add_runs_dir(parser)
    parser.add_argument("--sort", metavar="COLUMN", default="when", help="log_loss, size, name, ...")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument(
        "--filter", metavar="WORDS", default="", help="only runs with all of these in state, name, profile, id or note"
    )
    add_json(parser, "one JSON list on stdout")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.columns import COLUMNS, Row, matching, sorted_by
    from arena_tui.follow import RunList
    from arena_tui.table import as_json, as_table
    from core.runs.disk import disk_use
    from core.runs.folder import runs_folder

    column = next((column for column in COLUMNS if column.key == options.sort), None)
    if column is None:
        raise Refused(f"no column {options.sort!r}; known are {', '.join(column.key for column in COLUMNS)}", 2)
    known = [Row(view, disk_use(view.folder)) for view in RunList(runs_folder(options.runs_dir)).read()]
    rows = sorted_by(column, matching(options.filter, known), is_reversed=options.reverse)
    if options.json:
        print_json(as_json(rows))
    elif known:
        print(as_table(rows))
    else:
        print("no runs yet: arena-tui demo makes one")
    return 0
