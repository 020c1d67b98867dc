"""`arena-tui report`: where a run's evaluation is won and lost."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_run, add_runs_dir, seen_run
from arena_tui.streams import print_json, tell_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena_tui.commands.common import Commands
    from arena_tui.seen_report import SeenReport
    from core.report.progress import Progress
    from core.runs.folder import RunFolder


def add(commands: "Commands") -> None:
    parser = add_command(commands, "report", "tell where a finished run's evaluation is won and lost")
    add_run(parser)
    parser.add_argument("--against", metavar="RUN", help="compare row by row with this run")
    parser.add_argument("--data", metavar="FILE", help="the run's rows, where they have moved")
    parser.add_argument("--score-swap", action="store_true", help="score A and B exchanged first, if the run has not")
    add_runs_dir(parser)
    add_json(parser, "one JSON object on stdout")
    parser.add_argument("--html", metavar="FILE", help="write it as one self-contained page")
    parser.add_argument("--rows", metavar="N", type=_count, default=5, help="rows of each list (default: %(default)s)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from arena_tui.commands.exchange import score_exchanged
    from arena_tui.reported import as_text
    from arena_tui.seen_report import load_report

    folder = seen_run(options)
    if options.score_swap and (exit_code := score_exchanged(folder, options.data)):
        return exit_code
    made = asyncio.run(_made(_arguments(options, folder)))
    seen = load_report(made, folder)
    if options.html:
        _write_page(seen, options.rows, options.html)
    if options.json:
        print_json(msgspec.json.encode(seen.report))
    elif not options.html:
        print(as_text(seen.report, options.rows))
    return 0


def _write_page(seen: "SeenReport", rows: int, file: str) -> None:
    from arena_tui.page.document import as_html
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
        arguments += ["--against", str(other.path)]
    return [*arguments, *(["--data", options.data] if options.data else [])]


async def _made(arguments: "Sequence[str]") -> "Progress":
    """The child's last word; what it is doing goes to stderr."""
    from arena_tui.answers import answers, ask, without_a_word
    from arena_tui.plain import printable
    from core.report.progress import REPORT, Progress

    last, child = Progress(), await ask(REPORT, *arguments)
    async for last in answers(child, Progress):
        tell_progress(printable(last.doing))
    tell_progress("")
    if last.report is None:
        raise Refused(last.problem or without_a_word("the report", child.returncode), child.returncode or 1)
    return last


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"a whole number, not {text!r}")
    return int(text)
