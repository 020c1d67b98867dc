"""`arena-tui serve`: vLLM's own server for a run's model, merged into a plain checkpoint first."""

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_run
from arena_tui.commands.export import ask_export

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands

PROGRAM = "vllm"
CLASSIFIER = ("--runner", "pooling", "--convert", "classify")
"""By docs.vllm.ai, pooling models: the head's logits at the last token, and their softmax."""


def add(commands: "Commands") -> None:
    parser = add_command(commands, "serve", "serve a run's model by vLLM, which has to be installed beside arena-tui")
    add_run(parser)
    add_runs_dir(parser)
    parser.add_argument(
        "--merged", metavar="DIR", required=True, help="the merged checkpoint; made first where there is none"
    )
    parser.add_argument("--port", metavar="N", type=int, default=8000, help="of the server (default: 8000)")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import printable
    from core.predict.request import CannotPredict, choose_members
    from core.profile.errors import ProfileError

    folder, merged = chosen_run(options), Path(options.merged).absolute()
    try:
        [member] = choose_members([folder])
        profile = member.read_profile()
    except (CannotPredict, ProfileError) as error:
        raise Refused(error, 2) from None
    if profile.reads_apart:
        raise Refused(f"vLLM answers one sequence at a time, and {printable(folder.id)} joins two: `judge` does", 2)
    limit = profile.tokens.max_length
    server = [PROGRAM, "serve", str(merged), *CLASSIFIER, "--max-model-len", str(limit), "--port", str(options.port)]
    if shutil.which(PROGRAM) is None:
        export = shlex.join(["arena-tui", "export", str(folder.path), "--merged", str(merged)])
        raise Refused(f"vllm is not installed here. Where it is:\n  {export}\n  {shlex.join(server)}", 2)
    if merged.exists():
        print(f"{printable(str(merged))} is there, and served as it is: nothing in it tells its run", file=sys.stderr)
    else:
        exported, exit_code = ask_export(member.run, member.adapter, "--merged", str(merged))
        if exported.problem:
            raise Refused(printable(exported.problem), exit_code or 1)
    print(printable(shlex.join(server)), file=sys.stderr, flush=True)
    os.execvp(PROGRAM, server)
