"""`arena-tui prune`: deletes checkpoints that are no longer needed."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_runs_dir, add_yes, chosen_run, demand_yes

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "prune", "delete checkpoints of ended runs, all but the newest intact one of each")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("run", metavar="RUN", nargs="?", help='a run\'s id, a part of it, its folder, or "last"')
    which.add_argument("--all", action="store_true", help="every run that has ended")
    parser.add_argument("--keep", metavar="N", type=_count, help="intact checkpoints to keep of each run")
    add_runs_dir(parser)
    add_yes(parser).add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.deletion import what_is_pruned
    from arena_tui.plain import printable
    from core.runs.ended import StillInUse, Unreadable, held
    from core.runs.folder import list_runs, runs_folder
    from core.runs.pruning import KEEP, carry_out, plan

    keep = KEEP if options.keep is None else options.keep
    prunings = []
    for folder in list_runs(runs_folder(options.runs_dir)) if options.all else [chosen_run(options)]:
        try:
            with held(folder):
                prunings.append(plan(folder, keep))
        except (StillInUse, OSError) as error:
            if not options.all:
                raise Refused(error, 1) from None
            if isinstance(error, Unreadable | OSError):
                print(f"{printable(folder.id)} is left as it is: {printable(str(error))}", file=sys.stderr)
    prunings = [pruning for pruning in prunings if pruning.paths]
    if not prunings:
        print("nothing to prune")
        return 0
    if options.dry_run:
        print(what_is_pruned(prunings))
        return 0
    demand_yes(options, f"{what_is_pruned(prunings)}\nDelete these for good?")
    try:
        for pruning in prunings:
            carry_out(pruning)
    except (StillInUse, OSError) as error:
        raise Refused(error, 1) from None
    return 0


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0, not {text!r}")
    return int(text)
