"""`arena-tui bench`: what the card here would do, on random weights."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "bench", "time the recipe on random weights, and print one JSON object")
    parser.add_argument("--model", choices=["9b", "2b", "tiny"], help="size of the Gemma-2 (default: 9b)")
    parser.add_argument("--engine", choices=["auto", "packed", "padded"], help="default: auto")
    parser.add_argument("--memory", choices=["auto", "small"], help="of the packed engine (default: auto)")
    parser.add_argument("--lengths", metavar="FILE|N", help="a .npy file of token counts, or one for all rows")
    parser.add_argument("--batch", metavar="N", type=int, help="rows of an optimizer step (default: 8)")
    parser.add_argument("--at-once", metavar="N", type=int, help="of these in small memory, or padded (default: 2)")
    parser.add_argument("--steps", metavar="N", type=int, help="steps that are timed (default: 20)")
    parser.add_argument("--warmup", metavar="N", type=int, help="steps before them (default: 5)")
    parser.add_argument("--scoring", action="store_true", help="time evaluation instead of training")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    import subprocess
    import sys

    import msgspec

    from core.bench.answer import BENCH, Answer, Question

    names = msgspec.structs.fields(Question)
    stated = {name.name: value for name in names if (value := getattr(options, name.name)) is not None}
    try:
        question = msgspec.convert(stated, Question)
    except msgspec.ValidationError as error:
        raise Refused(error, 2) from None
    ran = subprocess.run([*BENCH, msgspec.json.encode(question).decode()], capture_output=True, encoding="utf-8")
    answers = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not answers:
        sys.stderr.write(ran.stderr)
        raise Refused("the benchmark failed", 1)
    print_json(msgspec.json.format(msgspec.json.encode(msgspec.json.decode(answers[-1], type=Answer))))
    return 0
