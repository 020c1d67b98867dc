"""`arena-tui doctor` and `bench`: what of this machine stands in the way of a run, and what its card would do."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_runs_dir
from arena_tui.terminal.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.doctor.protocol import Check

GLYPHS = {"ok": "✓", "note": "·", "problem": "✗"}


def add(commands: "Commands") -> None:
    _add_doctor(commands)
    _add_bench(commands)


def _add_doctor(commands: "Commands") -> None:
    parser = add_command(
        commands, "doctor", "check driver, CUDA, bitsandbytes, disk, login and terminal; exit code 1 if a check fails"
    )
    add_runs_dir(parser)
    add_json(parser, "print one JSON list")
    parser.set_defaults(command=_run_doctor)


def _run_doctor(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from core.runs.folder import runs_folder

    found = asyncio.run(_examined(str(runs_folder(options.runs_dir)), is_told=not options.json))
    problems = [check.name for check in found if check.verdict == "problem"]
    if options.json:
        print_json(msgspec.json.encode(found))
    else:
        print(f"\n✗ {len(problems)} to fix: {', '.join(problems)}" if problems else "\n✓ no problems found")
    return 1 if problems else 0


async def _examined(runs: str, *, is_told: bool) -> "list[Check]":
    """Every check; each is printed as it comes if `is_told`."""
    import os

    from arena_tui.children.child import answers, ask
    from arena_tui.terminal.capabilities import checks
    from core.doctor.protocol import DOCTOR, Check

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
        found.append(Check("engine", "problem", f"its checks exited with code {child.returncode}"))
        if is_told:
            print(_line(found[-1]))
    return found


def _line(check: "Check") -> str:
    from arena_tui.format.sanitize import printable

    advice = f" — {check.advice}" if check.advice else ""
    return printable(f"{GLYPHS[check.verdict]} {check.verdict:<8} {check.name:<15} {check.found}{advice}")


BENCHED = ["9b", "2b", "gemma3-12b", "qwen3-8b", "mistral-7b", "phi-3-mini", "phi-4-mini", "phi-4", "tiny"]
"""The names of core.bench.protocol.Size, whose module is not imported before it is asked."""


def _add_bench(commands: "Commands") -> None:
    parser = add_command(commands, "bench", "time the recipe on random weights, and print one JSON object")
    parser.add_argument("--model", choices=BENCHED, help="model to time (default: 9b, of Gemma-2)")
    parser.add_argument("--engine", choices=["auto", "packed", "padded"], help="default: auto")
    parser.add_argument("--memory", choices=["auto", "small"], help="memory use of the packed engine (default: auto)")
    parser.add_argument("--lengths", metavar="FILE|N", help="a .npy file of token counts, or one for all rows")
    parser.add_argument("--batch", metavar="N", type=int, help="rows per optimizer step (default: 8)")
    parser.add_argument(
        "--at-once", metavar="N", type=int, help="rows computed at once, padded or with --memory small (default: 2)"
    )
    parser.add_argument("--steps", metavar="N", type=int, help="timed steps (default: 20)")
    parser.add_argument("--warmup", metavar="N", type=int, help="warm-up steps before them (default: 5)")
    parser.add_argument("--scoring", action="store_true", help="time evaluation instead of training")
    parser.set_defaults(command=_run_bench)


def _run_bench(options: argparse.Namespace) -> int:
    import subprocess
    import sys

    import msgspec

    from core.bench.protocol import BENCH, Answer, Question
    from core.protocol import read_answer

    names = msgspec.structs.fields(Question)
    stated = {name.name: value for name in names if (value := getattr(options, name.name)) is not None}
    try:
        question = msgspec.convert(stated, Question)
    except msgspec.ValidationError as error:
        raise Refused(error, 2) from None
    ran = subprocess.run([*BENCH, msgspec.json.encode(question).decode()], capture_output=True, encoding="utf-8")
    answers = [found for line in ran.stdout.splitlines() if (found := read_answer(line.encode(), Answer))]
    if ran.returncode or not answers:
        sys.stderr.write(ran.stderr)
        raise Refused("the benchmark failed", 1)
    print_json(msgspec.json.format(msgspec.json.encode(answers[-1])))
    return 0
