"""`arena-tui launch-script`: writes the script that starts a run on several machines."""

import argparse
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_profile, add_runs_dir, chosen_profile

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "launch-script", "write the script that starts a run on several machines")
    add_profile(parser)
    add_runs_dir(parser)
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument(
        "--slurm", action="store_true", help="for sbatch: asks for machines and cards, and to be requeued"
    )
    form.add_argument("--torchrun", action="store_true", help="for each machine, to be started there by hand or by ssh")
    parser.add_argument(
        "--rendezvous",
        metavar="HOST[:PORT]",
        type=_meeting,
        help="with --torchrun, where the machines meet: the address of number 0 (default: this machine)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of stdout")
    parser.set_defaults(command=run_launch_script)


def run_launch_script(options: argparse.Namespace) -> int:
    from core.files import write_output
    from core.profile.errors import SettingError
    from core.runs.folder import runs_folder
    from core.runs.launch_script import PORT, Launch, machines_script, sbatch_script

    if options.slurm and options.rendezvous:
        options.parser.error("--rendezvous is for --torchrun: under Slurm the machines meet at the first of the job")
    profile, file = chosen_profile(options)
    launch = Launch(
        profile=profile,
        name=file.stem,
        file=file.absolute(),
        overrides=options.overrides,
        runs=runs_folder(options.runs_dir),
        working_directory=Path.cwd(),
    )
    meeting = options.rendezvous or f"{socket.gethostname()}:{PORT}"
    try:
        script = sbatch_script(launch) if options.slurm else machines_script(launch, meeting)
    except SettingError as error:
        raise Refused(error, 2) from None
    if options.output is None:
        sys.stdout.write(script)
        return 0
    try:
        write_output(Path(options.output), script.encode(errors="surrogateescape"))
    except OSError as error:
        raise Refused(f"{options.output}: cannot be written: {error.strerror}", 1) from None
    return 0


def _meeting(text: str) -> str:
    from core.runs.launch_script import meeting_at

    try:
        return meeting_at(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
