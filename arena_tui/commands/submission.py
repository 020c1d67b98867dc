"""`arena-tui submission check`: whether a file can be handed in."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.score.checked import Check


def add(commands: "Commands") -> None:
    parser = add_command(commands, "submission", "check a submission file against the rows it answers")
    what = parser.add_subparsers(metavar="check", required=True)
    checking = add_command(what, "check", "columns, ids, sums and numbers; exit code 1 with a list of what is wrong")
    checking.add_argument("file", metavar="FILE", help="the submission")
    checking.add_argument("test", metavar="TEST", help="the rows that it answers")
    add_json(checking, "one JSON object on stdout")
    checking.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from arena_tui.figures import count
    from arena_tui.plain import printable

    found = asyncio.run(_checked([options.file, options.test]))
    if found.unreadable:
        raise Refused(printable(found.unreadable), 2)
    if options.json:
        print_json(msgspec.json.encode(found))
    elif not found.problems:
        rows = f"{count(found.rows)} row{'s' if found.rows != 1 else ''}"
        print(f"{printable(found.file)}: {rows}, nothing wrong with it")
    for problem in () if options.json else found.problems:
        print(printable(f"{found.file}: {problem}"), file=sys.stderr)
    return 1 if found.problems else 0


async def _checked(arguments: list[str]) -> "Check":
    """What the child says, which reads tables of any kind."""
    from arena_tui.answers import answers, ask, without_a_word
    from core.score.checked import CHECK, Check

    child = await ask(CHECK, *arguments)
    said = [answer async for answer in answers(child, Check)]
    if not said:
        raise Refused(without_a_word("the check", child.returncode), 1)
    return said[-1]
