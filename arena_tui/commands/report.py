"""`arena-tui report`: where a run's evaluation is won and lost."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_run, add_runs_dir, demand_different, seen_run
from arena_tui.commands.train import Foreground
from arena_tui.terminal.streams import print_json, tell_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena_tui.commands.common import Commands
    from arena_tui.report.view import SeenReport
    from core.report.protocol import Progress
    from core.runs.folder import RunFolder


def predict_swapped(folder: "RunFolder", data: "Sequence[str]") -> int:
    """Have the swapped rows predicted, unless they are; what the child does goes to stderr. Returns its exit code.

    After a stop the same command goes on. Raises Refused.
    """
    from core.predict.actions import predict
    from core.predict.request import CannotPredict, Request, choose_members
    from core.runs.access import delete, remove_tree
    from core.runs.process import LaunchError

    rows = _ask(folder, *_named(data))
    if rows is None:
        print("both orders are scored already", file=sys.stderr)
        return 0
    try:
        # The report's child writes them in this format, whatever the run's own rows are in.
        job = predict(Request(members=choose_members([folder]), test=rows, format="lmsys"))
        foreground = Foreground(job)
        foreground.start()
    except CannotPredict as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    exit_code = foreground.follow(sys.stderr)
    if exit_code == 0:
        _ask(folder, "--add", str(job.folder.table))
        delete(Path(rows))
        remove_tree(job.folder.path)  # its submission would answer other questions
    return exit_code


def _ask(folder: "RunFolder", *arguments: str) -> str | None:
    """The file of the rows that are to be scored, if any are. Raises Refused with the child's problem."""
    from arena_tui.children.child import last_answer, without_a_word
    from core.report.protocol import SWAP, Swap

    found, exit_code = last_answer(SWAP, str(folder.path), *arguments, kind=Swap)
    if found is None or found.problem:
        problem = found and found.problem
        raise Refused(problem or without_a_word("scoring with A and B swapped", exit_code), exit_code or 1)
    return found.rows


def add(commands: "Commands") -> None:
    parser = add_command(commands, "report", "report on a finished run: how good it is, and which rows it gets wrong")
    add_run(parser)
    parser.add_argument("--against", metavar="RUN", help="compare row by row with this run")
    parser.add_argument(
        "--data",
        metavar="FILE",
        action="append",
        default=[],
        help="the run's data file (with data.eval, that one), if it has moved; several times for a list",
    )
    parser.add_argument(
        "--score-swap", action="store_true", help="score with A and B swapped first, unless the run did"
    )
    add_runs_dir(parser)
    add_json(parser, "print one JSON object")
    parser.add_argument("--html", metavar="FILE", help="write it as one self-contained HTML page")
    parser.add_argument("--rows", metavar="N", type=_count, default=5, help="rows per list (default: %(default)s)")
    parser.set_defaults(command=_run_report)


def _run_report(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.report.text import as_text
    from arena_tui.report.view import load_report

    folder = seen_run(options)
    if options.score_swap and (exit_code := predict_swapped(folder, options.data)):
        return exit_code
    made = _made(_arguments(options, folder))
    seen = load_report(made, folder)
    if options.html:
        _write_page(seen, options.rows, options.html)
    if options.json:
        print_json(msgspec.json.encode(seen.report))
    elif not options.html:
        print(as_text(seen.report, options.rows))
    return 0


def _write_page(seen: "SeenReport", rows: int, file: str) -> None:
    from arena_tui.report.html.document import as_html
    from core.files import write_output

    try:
        write_output(Path(file), as_html(seen, rows).encode())
    except OSError as error:
        raise Refused(f"{file}: cannot be written: {error.strerror}", 1) from None
    print(f"wrote {file}", file=sys.stderr)


def _arguments(options: argparse.Namespace, folder: "RunFolder") -> "Sequence[str]":
    from core.runs.folder import find_run, runs_folder

    arguments = [str(folder.path)]
    if options.against is not None:
        try:
            other = find_run(runs_folder(options.runs_dir), options.against)
        except LookupError as error:
            raise Refused(error.args[0], 2) from None
        demand_different((options.run, options.against), (folder, other))
        arguments += ["--against", str(other.path)]
    return [*arguments, *_named(options.data)]


def _named(data: "Sequence[str]") -> list[str]:
    return [argument for source in data for argument in ("--data", source)]


def _made(arguments: "Sequence[str]") -> "Progress":
    """The child's last word; what it is doing goes to stderr."""
    from arena_tui.children.child import last_answer, without_a_word
    from arena_tui.format.sanitize import printable
    from core.report.protocol import REPORT, Progress

    last, exit_code = last_answer(
        REPORT, *arguments, kind=Progress, hear=lambda progress: tell_progress(printable(progress.doing))
    )
    tell_progress("")
    if last is None or last.report is None:
        problem = last and last.problem
        raise Refused(problem or without_a_word("the report", exit_code), exit_code or 1)
    return last


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}")
    return int(text)
