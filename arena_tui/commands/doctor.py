"""`arena-tui doctor`: what of this machine stands in the way of a run, and what to do about it."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import add_command, add_json, add_runs_dir
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.doctor.check import Check

GLYPHS = {"ok": "✓", "note": "·", "problem": "✗"}


def add(commands: "Commands") -> None:
    parser = add_command(commands, "doctor", "check driver, CUDA, bitsandbytes, disk, login, terminal; 1 if one is bad")
    add_runs_dir(parser)
    add_json(parser, "one JSON list on stdout")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from core.runs.folder import runs_folder

    found = asyncio.run(_examined(str(runs_folder(options.runs_dir)), is_told=not options.json))
    problems = [check.name for check in found if check.verdict == "problem"]
    if options.json:
        print_json(msgspec.json.encode(found))
    else:
        print(f"\n✗ {len(problems)} to mend: {', '.join(problems)}" if problems else "\n✓ nothing stands in the way")
    return 1 if problems else 0


async def _examined(runs: str, *, is_told: bool) -> "list[Check]":
    """Every check; each is printed as it comes if `is_told`."""
    import os

    from arena_tui.answers import answers, ask
    from arena_tui.surroundings import checks
    from core.doctor.check import DOCTOR, Check

    size = os.get_terminal_size() if sys.stdout.isatty() else None
    found = list(checks(os.environ, size, sys.stdout.encoding))
    child = await ask(DOCTOR, runs)
    if is_told:
        for check in found:
            print(_line(check), flush=True)
    async for check in answers(child, Check):
        found.append(check)
        if is_told:
            print(_line(check), flush=True)
    if child.returncode:
        found.append(Check("engine", "problem", f"its checks ended with exit code {child.returncode}"))
        if is_told:
            print(_line(found[-1]))
    return found


def _line(check: "Check") -> str:
    from arena_tui.plain import printable

    advice = f" — {check.advice}" if check.advice else ""
    return printable(f"{GLYPHS[check.verdict]} {check.verdict:<8} {check.name:<15} {check.found}{advice}")
