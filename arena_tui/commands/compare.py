"""`arena-tui compare`: runs side by side."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_runs_dir
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "compare", "put the figures of two to six runs side by side, and their settings")
    parser.add_argument("runs", metavar="RUN", nargs="+", help='ids, parts of them, folders, or "last"')
    add_runs_dir(parser)
    add_json(parser, "one JSON object on stdout")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.follow import Follower
    from arena_tui.series import FEWEST, MOST
    from arena_tui.side_by_side import as_json, as_text
    from core.runs.folder import find_run, runs_folder

    try:
        folders = [find_run(runs_folder(options.runs_dir), wanted) for wanted in options.runs]
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    if not FEWEST <= len({folder.path for folder in folders}) == len(folders) <= MOST:
        raise Refused(f"{FEWEST} to {MOST} different runs can be compared: {', '.join(run.id for run in folders)}", 2)
    views = [Follower(folder).read() for folder in folders]
    if options.json:
        print_json(as_json(views))
    else:
        print(as_text(views))
    return 0
