"""`arena-tui serve`: vLLM's own server for a run's model, merged into a plain checkpoint first."""

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_run

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
    from arena_tui.children.child import last_answer
    from arena_tui.format.sanitize import printable
    from core.predict.protocol import EXPORT, Exported
    from core.predict.request import CannotPredict, choose_members
    from core.profile.errors import ProfileError

    folder, merged = chosen_run(options), Path(options.merged).absolute()
    try:
        [member] = choose_members([folder])
        limit = member.read_profile().tokens.max_length
    except (CannotPredict, ProfileError) as error:
        raise Refused(error, 2) from None
    server = [PROGRAM, "serve", str(merged), *CLASSIFIER, "--max-model-len", str(limit), "--port", str(options.port)]
    if shutil.which(PROGRAM) is None:
        export = shlex.join(["arena-tui", "export", str(folder.path), "--merged", str(merged)])
        raise Refused(f"vllm is not installed here. Where it is:\n  {export}\n  {shlex.join(server)}", 2)
    if not merged.exists():
        said, exit_code = last_answer(EXPORT, member.run, member.adapter, "--merged", str(merged), kind=Exported)
        if exit_code or not said or said.problem:
            problem = said and said.problem
            raise Refused(printable(problem or "the export was killed, perhaps because memory ran out"), exit_code or 1)
    print(printable(shlex.join(server)), file=sys.stderr, flush=True)
    os.execvp(PROGRAM, server)
