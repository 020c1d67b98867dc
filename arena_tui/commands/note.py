"""`arena-tui note`: the user's note on a run."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_run

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "note", "write a note beside a run, in place of the one before")
    add_run(parser)
    parser.add_argument("text", metavar="TEXT", help="may have several lines; an empty one removes the note")
    add_runs_dir(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from core.runs.notes import NotesError, write_notes

    try:
        write_notes(chosen_run(options), note=options.text)
    except (NotesError, OSError) as error:
        raise Refused(error, 1) from None
    return 0
