"""`arena-tui curves`: the curves of a run for other programs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_run, add_runs_dir, seen_run
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "curves", "export every logged point and every evaluation of a run")
    add_run(parser)
    add_runs_dir(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="comma-separated values (the default)")
    add_json(form, "one JSON list")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of stdout")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.plain import utf8
    from core.files import write_output
    from core.runs.curves import as_csv, as_json, curve_points
    from core.runs.state import read_run

    folder = seen_run(options)
    state, _ = read_run(folder)
    points = curve_points(utf8(folder.id), state)
    text = as_json(points) + "\n" if options.json else as_csv(points)
    if options.output is None:
        if options.json:
            print_json(text.rstrip("\n"))
        else:
            print(text, end="")
        return 0
    try:
        write_output(Path(options.output), text.encode())
    except OSError as error:
        raise Refused(f"{options.output}: cannot be written: {error.strerror}", 1) from None
    return 0
