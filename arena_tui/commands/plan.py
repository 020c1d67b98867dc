"""`arena-tui plan`: what a run would do, need and take."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_profile,
    add_runs_dir,
    chosen_profile,
)

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.plan.plan import Plan


def add(commands: "Commands") -> None:
    parser = add_command(commands, "plan", "tell what a run would do, need and take, before it is started")
    add_profile(parser)
    add_runs_dir(parser)
    add_json(parser, "one JSON object on stdout")
    parser.add_argument("--measure", action="store_true", help="run a few real steps where the speed is not known")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from arena_tui.preflight import as_text
    from core.runs.folder import runs_folder

    profile, path = chosen_profile(options)
    measure = ["--measure"] if options.measure else []
    found = asyncio.run(_planned([*measure, str(runs_folder(options.runs_dir)), str(path), *options.overrides]))
    if found is None:
        raise Refused("the plan ended without a word", 1)
    print(msgspec.json.encode(found).decode() if options.json else as_text(found, profile))
    return 2 if found.problem else 0


async def _planned(arguments: list[str]) -> "Plan | None":
    """The plan, as far as it could be made."""
    from arena_tui.answers import answers, ask
    from core.plan.plan import PLAN, Plan

    last = None
    async for last in answers(await ask(PLAN, *arguments), Plan):
        if sys.stderr.isatty():
            waiting = "rows" if last.tokens is None else "memory and time" if last.memory is None else "the model"
            print(f"\r\033[Kplanning: {waiting} …", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return last
