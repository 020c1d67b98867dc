"""`arena-tui plan`: what a run would do, need and take."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_profile, add_runs_dir, chosen_profile
from arena_tui.terminal.streams import print_json, tell_progress

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.plan.protocol import Plan


def add(commands: "Commands") -> None:
    parser = add_command(commands, "plan", "tell what a run would do, need and take, before it is started")
    add_profile(parser)
    add_runs_dir(parser)
    add_json(parser, "one JSON object on stdout")
    parser.add_argument("--measure", action="store_true", help="run a few real steps where the speed is not known")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.plan.text import as_text
    from core.runs.folder import runs_folder

    profile, path = chosen_profile(options)
    measure = ["--measure"] if options.measure else []
    arguments = [*measure, str(runs_folder(options.runs_dir)), str(path), *options.overrides]
    found, exit_code = _planned(arguments)
    if options.json:
        print_json(msgspec.json.encode(found))
    else:
        print(as_text(found, profile))
    return exit_code


def _planned(arguments: list[str]) -> "tuple[Plan, int]":
    """The plan, as far as it could be made, and the exit code of the child that made it."""
    from msgspec.structs import replace

    from arena_tui.children.child import last_answer, without_a_word
    from core.plan.protocol import PLAN, Plan

    def tell(plan: Plan) -> None:
        waiting = "rows" if plan.tokens is None else "memory and time" if plan.memory is None else "the model"
        tell_progress(f"planning: {waiting} …")

    last, exit_code = last_answer(PLAN, *arguments, kind=Plan, hear=tell)
    tell_progress("")
    if last is None:
        raise Refused(without_a_word("the plan", exit_code), 1)
    if exit_code and not last.problem:
        return replace(last, problem=without_a_word("the plan", exit_code)), 1
    return last, exit_code
