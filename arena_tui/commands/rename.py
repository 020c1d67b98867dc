"""`arena-tui rename`: another name for a run."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_run

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "rename", "give a run another name to show; its folder and its id stay")
    add_run(parser)
    parser.add_argument("name", metavar="NAME", help="an empty one brings back the first")
    add_runs_dir(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from core.runs.notes import NotesError, write_notes

    try:
        write_notes(chosen_run(options), name=options.name)
    except (NotesError, OSError) as error:
        raise Refused(error, 1) from None
    return 0
