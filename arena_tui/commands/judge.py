"""`arena-tui judge`: answers comparisons as they come, a line of JSON each, with a model that is loaded once."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_run
from arena_tui.terminal.streams import print_json, tell_progress

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.predict.protocol import Said, Verdict


def add(commands: "Commands") -> None:
    parser = add_command(
        commands, "judge", "judge comparisons from stdin, a JSON object a line: prompt, response_a, response_b"
    )
    add_run(parser)
    add_runs_dir(parser)
    parser.add_argument("--checkpoint", metavar="N", type=int, help="use the checkpoint of step N, not the adapter")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from arena_tui.children.child import last_answer, without_a_word
    from arena_tui.format.numbers import counted
    from arena_tui.format.sanitize import printable
    from core.predict.protocol import JUDGE, Said
    from core.predict.request import CannotPredict, choose_members
    from core.profile.errors import ProfileError

    folder = chosen_run(options)
    try:
        [member] = choose_members([folder], checkpoint=options.checkpoint)
        member.read_profile()
    except (CannotPredict, ProfileError, OSError) as error:
        raise Refused(error, 2) from None
    lines = refused = 0

    def hear(said: "Said") -> None:
        nonlocal lines, refused
        if said.ready:
            tell_progress("")
            if said.ready.note:
                print(printable(f"note: {said.ready.note}"), file=sys.stderr)
            if sys.stdin.isatty():
                print("ready: a JSON object a line; ctrl+d ends", file=sys.stderr)
        if said.verdict:
            lines, refused = lines + 1, refused + (said.verdict.error is not None)
            _print(said.verdict)

    tell_progress(f"loading the model of {printable(folder.id)}")
    last, exit_code = last_answer(JUDGE, member.run, member.adapter, kind=Said, hear=hear, stdin=sys.stdin.fileno())
    tell_progress("")
    if exit_code:
        problem = last and last.problem
        raise Refused(printable(problem or without_a_word("judging", exit_code)), max(exit_code, 1))
    if refused:
        raise Refused(f"{refused:,} of {counted(lines, 'line')} could not be judged: each says why", 1)
    return 0


def _print(verdict: "Verdict") -> None:
    import msgspec

    print_json(msgspec.json.encode(verdict))
