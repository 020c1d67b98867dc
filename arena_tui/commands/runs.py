"""`arena-tui runs`, `compare` and `curves`: all runs, some side by side, and their curves for other programs."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_run, add_runs_dir, demand_different, seen_run
from arena_tui.terminal.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    _add_runs(commands)
    _add_compare(commands)
    _add_curves(commands)


def _add_runs(commands: "Commands") -> None:
    parser = add_command(commands, "runs", "list runs, newest first")
    add_runs_dir(parser)
    parser.add_argument("--sort", metavar="COLUMN", default="when", help="log_loss, size, name, ...")
    parser.add_argument("--reverse", action="store_true", help="reverse the order")
    parser.add_argument(
        "--filter",
        metavar="WORDS",
        default="",
        help="only runs with all of these words in state, name, profile, id or note",
    )
    add_json(parser, "print one JSON list")
    parser.set_defaults(command=_run_runs)


def _run_runs(options: argparse.Namespace) -> int:
    from arena_tui.history.columns import COLUMNS, Row, matching, sorted_by
    from arena_tui.history.text import as_json, as_table
    from arena_tui.runs.follow import RunList
    from core.runs.checkpoints import disk_use
    from core.runs.folder import runs_folder

    column = next((column for column in COLUMNS if column.key == options.sort), None)
    if column is None:
        raise Refused(f"no column {options.sort!r}; known are {', '.join(column.key for column in COLUMNS)}", 2)
    known = [Row(view, disk_use(view.folder)) for view in RunList(runs_folder(options.runs_dir)).read()]
    rows = sorted_by(column, matching(options.filter, known), is_reversed=options.reverse)
    if options.json:
        print_json(as_json(rows))
    elif rows:
        print(as_table(rows))
    elif known:
        print(f"no run has all of these words: {options.filter}")
    else:
        print("no runs yet: arena-tui demo makes one")
    return 0


def _add_compare(commands: "Commands") -> None:
    parser = add_command(commands, "compare", "show the figures and settings of two to six runs side by side")
    parser.add_argument("runs", metavar="RUN", nargs="+", help='ids, parts of them, folders, or "last"')
    add_runs_dir(parser)
    add_json(parser, "print one JSON object")
    parser.set_defaults(command=_run_compare)


def _run_compare(options: argparse.Namespace) -> int:
    from arena_tui.compare.view import as_json, as_text
    from arena_tui.format.sanitize import printable
    from arena_tui.plot.axes import FEWEST, MOST
    from arena_tui.runs.follow import Follower
    from arena_tui.runs.reasons import why_not_compared
    from core.runs.folder import find_run, runs_folder

    try:
        folders = [find_run(runs_folder(options.runs_dir), wanted) for wanted in options.runs]
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    demand_different(options.runs, folders)
    if not FEWEST <= len(folders) <= MOST:
        raise Refused(f"{FEWEST} to {MOST} runs can be compared, not {len(folders)}", 2)
    views = [Follower(folder).read() for folder in folders]
    if why := why_not_compared(views):
        raise Refused(printable(why), 2)
    if options.json:
        print_json(as_json(views))
    else:
        print(as_text(views))
    return 0


def _add_curves(commands: "Commands") -> None:
    parser = add_command(commands, "curves", "export every logged point and every evaluation of a run")
    add_run(parser)
    add_runs_dir(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="comma-separated values (the default)")
    add_json(form, "print one JSON list")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of stdout")
    parser.set_defaults(command=_run_curves)


def _run_curves(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import utf8
    from core.files import write_output
    from core.runs.average import is_average
    from core.runs.curves import as_csv, as_json, curve_points
    from core.runs.state import read_run

    folder = seen_run(options)
    state, _ = read_run(folder)
    points = curve_points(utf8(folder.id), state)
    if not points:
        why = "trains no step: it is an average" if is_average(folder.path) else "has logged nothing yet"
        print(f"{utf8(folder.id)} {why}", file=sys.stderr)
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
