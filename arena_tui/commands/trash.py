"""`arena-tui trash`: deleted runs, and getting them back."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_runs_dir, add_yes, demand_yes

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "trash", "list deleted runs, put one back, or delete all of them for good")
    add_runs_dir(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--put-back", metavar="RUN", help="move it back among the runs")
    what.add_argument("--empty", action="store_true", help="delete them for good")
    add_yes(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.figures import gib
    from arena_tui.plain import printable
    from core.runs.disk import size
    from core.runs.folder import TRASH, choose_named, runs_folder
    from core.runs.trash import delete_for_good, put_back, trashed

    runs = runs_folder(options.runs_dir)
    try:
        if options.put_back is not None:
            print(put_back(choose_named(runs / TRASH, options.put_back)).path)
            return 0
        found = trashed(runs)
        for folder in found:
            print(f"{gib(size(folder.path)):>9}  {printable(folder.id)}")
        if options.empty and found:
            total = gib(sum(size(folder.path) for folder in found))
            demand_yes(options, f"Delete all of these for good? That frees {total}; nothing brings them back.")
            for folder in found:
                delete_for_good(folder)
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return 0
