"""Writes what starts a run of several machines: a batch script for Slurm, or one that is started on each machine.

In both the run's folder is made once, before anything trains; then each machine starts `core.train` with its number.
The one with number 0 owns the run: its record, its lock, its log.
"""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.protocol import command
from core.runs.folder import file_name
from core.runs.protocol import MEETING, NODE, RESUME, TRAIN

PORT = 29400
"""At which machines without a scheduler meet; torchrun's own default."""
MOST_PORT = 65_535
_MEETING = re.compile(r"(?P<host>[\w.-]+|\[[\da-f:.]+\])(:(?P<port>\d+))?", re.ASCII | re.IGNORECASE)
"""As torchrun takes it. In brackets an IPv6 address."""
HANDED_ON = (
    *("PYTHONPATH", "ARENA_TUI_CACHE", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE"),
    *("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME", "NCCL_IB_HCA", "NCCL_IB_DISABLE"),
)
"""Variables that each machine needs as they are here. No secret is among them."""
CORES_A_CARD = 4
SECONDS_TO_SAVE = 120
"""Slurm sends the signal up to a minute early (sbatch(1), --signal); a checkpoint of a 9B recipe takes seconds."""
SAVED = 138
"""128 + SIGUSR1: what a run exits with that this signal has stopped."""


class Launch(Struct, frozen=True, kw_only=True):
    """What is started: a profile's file with its overrides, in a folder from which its relative paths are meant."""

    profile: Profile
    name: str
    file: Path
    overrides: Sequence[str]
    runs: Path
    working_directory: Path


def meeting_at(text: str) -> str:
    """HOST[:PORT] as host:port, at PORT where none is named. Raises ValueError, saying what is wrong."""
    found = _MEETING.fullmatch(text)
    if found is None:
        raise ValueError(f"expected HOST or HOST:PORT, an IPv6 address as [::1]:{PORT}, not {text!r}")
    host, port = found["host"], int(found["port"] or PORT)
    if not 1 <= port <= MOST_PORT:
        raise ValueError(f"a port is 1 to {MOST_PORT}, not {port}")
    return f"{host}:{port}"


def demand_one_machine(profile: Profile) -> None:
    """Raises SettingError for a profile whose run is not started from here."""
    if profile.run.nodes > 1:
        raise SettingError(
            "run.nodes",
            profile.run.nodes,
            "a script starts several machines, and goes on with them. arena-tui launch-script PROFILE --slurm writes "
            "it, or --torchrun where there is no Slurm",
        )


def sbatch_script(launch: Launch) -> str:
    """A script for `sbatch`, of any number of machines. Its one argument, a run's folder, is what it goes on with.

    Raises SettingError for "all" cards: a job has those that it asks for, and Slurm is to be asked for a number.
    """
    nodes = launch.profile.run.nodes
    return f"""#!/bin/bash
# Begin a run:            sbatch THIS_FILE
# Go on with one of it:   sbatch THIS_FILE RUN_FOLDER
# Partition, account and time limit are your site's: sbatch --partition=... --time=..., or lines like those below.
#SBATCH --job-name={file_name(launch.profile.run.name or launch.name) or "run"}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
{_resources(launch.profile)}
# Of every task, ahead of the time limit: the run saves and stops, and the last line queues the job again.
#SBATCH --signal=USR1@{SECONDS_TO_SAVE}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log

run=
if [ $# -gt 0 ]; then
    run=$(realpath -e -- "$1") || exit
fi
{_setting(launch)}

# Makes the run's folder; in a job that was queued again it is the one that the job has begun.
if [ -z "$run" ]; then
    run=$({_preparing(launch)}) || exit
fi
if [ -e "$run/metrics.json" ]; then
    echo "$run is complete"
    exit 0
fi
begun=()
if [ -e "$run/run.json" ]; then
    begun=({RESUME})
fi

first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# shellcheck disable=SC2016  # each machine expands it
srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 --cpu-bind=none --wait=300 bash -c '
    run=$1
    shift
    if [ "$SLURM_NODEID" -eq 0 ]; then exec >>"$run/console.log" 2>&1; fi
    exec "$@" {NODE} "$SLURM_NODEID" "$run"
' bash "$run" {shlex.join(TRAIN)} "${{begun[@]}}" {MEETING} "$first:$((20000 + SLURM_JOB_ID % 10000))"
code=$?
if [ "$code" -eq {SAVED} ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


def machines_script(launch: Launch, meeting: str) -> str:
    """A script to be started on each machine, by hand or by ssh; they meet at `meeting`, host:port of number 0."""
    nodes = launch.profile.run.nodes
    others = "" if nodes == 1 else f"\n#   bash THIS_FILE 1 RUN_FOLDER{' ... ' + str(nodes - 1) if nodes > 2 else ''}"
    return f"""#!/bin/bash
# Once, on any machine; prints the run's folder:
#   bash THIS_FILE prepare
# On each machine, by its number, within ten minutes; number 0 is {_one_line(meeting)}:
#   bash THIS_FILE 0 RUN_FOLDER{others}
# To go on with a run that was stopped, give every machine {RESUME} behind the folder.

{_setting(launch)}
if [ "${{1:-}}" = prepare ]; then
    {_preparing(launch)}
    exit
fi
node=${{1:?the number of this machine, or prepare}}
run=${{2:?the folder of the run}}
if [ "$node" -eq 0 ]; then
    exec >>"$run/console.log" 2>&1
fi
exec {shlex.join(TRAIN)} "${{@:3}}" {NODE} "$node" {MEETING} {shlex.quote(meeting)} "$run"
"""


def _setting(launch: Launch) -> str:
    """Folder and variables that are the same on each machine."""
    known = [f"export {name}={shlex.quote(os.environ[name])}" for name in HANDED_ON if os.environ.get(name)]
    return "\n".join([f"cd {shlex.quote(str(launch.working_directory))} || exit", *known])


def _preparing(launch: Launch) -> str:
    overrides = [word for override in launch.overrides for word in ("--set", override)]
    program = [*command("arena_tui"), "--runs-dir", str(launch.runs)]
    return shlex.join([*program, "train", str(launch.file), *overrides, "--prepare"])


def _resources(profile: Profile) -> str:
    """Cards and cores of a machine."""
    if profile.run.gpus == "all":
        raise SettingError("run.gpus", "all", "Slurm gives the cards that are asked for: --set run.gpus=8 asks for 8")
    cards = max(profile.run.gpus) + 1 if isinstance(profile.run.gpus, list) else profile.run.gpus
    return f"#SBATCH --gpus-per-node={cards}\n#SBATCH --cpus-per-task={cards * CORES_A_CARD}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
