"""Packages, disk, memory, that which processes share, and the clock. Imports nothing heavy."""

import os
import shutil
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from core.doctor.protocol import Check
from core.machine import gpus, slurm
from core.machine.system import group_memory
from core.runs.folder import list_runs

GIB = 2**30
TOLD = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "textual")
"""Packages whose versions are told where nothing is wrong."""
LITTLE_FOR_RUNS = 1 * GIB
"""A checkpoint of the recipe takes 50 MB with its optimizer; runs keep several, and their logs."""
LITTLE_FOR_MODELS = 20 * GIB
"""Gemma-2 9B takes 6 GB in 4 bit, and 18 GB where it is quantized on load."""
LITTLE_MEMORY = 1 * GIB
LITTLE_SHARED = 256 << 20
CLOCK_SECONDS = 120
NEEDED_BY = "Only runs on several cards may need it."
LITTLE_TIME = 600
"""Seconds. A base is read for minutes, and the signal to save comes two before the end."""


def packages(name: str = "arena-tui") -> Check:
    """Versions of what `name` depends on, beside those that it asks for."""
    try:
        found = [f"{name} {metadata.version(name)}"]
        asked = map(Requirement, metadata.requires(name) or [])
    except metadata.PackageNotFoundError:
        return Check("packages", "problem", f"{name} is not installed", "pip install it, in this Python.")
    wrong = []
    for package in asked:
        if package.marker and not package.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(package.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{package.name} is missing")
            continue
        if not package.specifier.contains(version, prereleases=True):
            wrong.append(f"{package.name} {version}, where {package.specifier} is needed")
        if package.name in TOLD:
            found.append(f"{package.name} {version}")
    if wrong:
        return Check(
            "packages", "problem", "; ".join(wrong), f"pip install {name} again, in this Python: it brings them."
        )
    return Check("packages", "ok", ", ".join(found))


def disk(runs: Path, models: Path) -> Iterator[Check]:
    """Room, and leave to write, where runs lie and where models are kept."""
    yield _room("disk of runs", runs, LITTLE_FOR_RUNS, "problem", "Free some, or choose another folder: --runs-dir.")
    advice = "A 9B model takes 6 to 18 GiB. HF_HOME chooses another disk."
    yield _room("disk of models", models, LITTLE_FOR_MODELS, "note", advice)


def _room(name: str, folder: Path, little: int, verdict: str, advice: str) -> Check:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    found = f"{free / GIB:.1f} GiB free for {folder}"
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check(name, "problem", f"{existing} cannot be written", "Choose another folder, or change its owner.")
    if free < little:
        return Check(name, "problem" if verdict == "problem" else "note", found, advice)
    return Check(name, "ok", found)


def memory(root: Path = Path("/")) -> Check:
    """What processes here may take of the machine's memory, which a container or a job may limit."""
    free, total = gpus.memory(root)
    group = group_memory(root)
    limit = " available to this control group" if group and group.limit == total else ""
    found = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free{limit}"
    if free < LITTLE_MEMORY:
        advice = "Python and the libraries alone take almost a GiB: end other programs, or raise the container's limit."
        return Check("memory", "problem", found, advice)
    return Check("memory", "ok", found)


def shared_memory(place: Path = Path("/dev/shm")) -> Check:
    """A run loads its rows in its own process and needs none; NCCL does where cards do not exchange directly."""
    if not place.exists():
        return Check("shared memory", "note", f"there is no {place}", NEEDED_BY)
    usage = shutil.disk_usage(place)
    found = f"{usage.free / GIB:.1f} of {usage.total / GIB:.1f} GiB free in {place}"
    if usage.free < LITTLE_SHARED:
        return Check("shared memory", "note", found, f"{NEEDED_BY} In Docker --shm-size gives more.")
    return Check("shared memory", "ok", found)


def job() -> Iterator[Check]:
    """The Slurm job that this is part of, if any, and how long it may go on."""
    variables = slurm.job_variables()
    if not variables:
        return
    left = slurm.seconds_left()
    limit = "Slurm does not tell its time limit" if left is None else f"ends in {left / 3600:.1f} h"
    found = f"{variables[slurm.JOB]}: {limit}"
    if left is not None and left < LITTLE_TIME:
        yield Check("Slurm job", "note", found, "A run that is started now would hardly begin: ask for more time.")
    else:
        yield Check("Slurm job", "ok", found)


def clock(runs: Path, now: float | None = None) -> Check:
    """Whether the time is after what has been written: runs are ordered by it, and certificates are judged by it."""
    now = time.time() if now is None else now
    written = [Path(__file__).stat().st_mtime]
    for run in list_runs(runs)[:10]:
        if run.events.exists():
            written.append(run.events.stat().st_mtime)
    told = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now))
    if max(written) > now + CLOCK_SECONDS:
        late = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(written)))
        advice = "Set it: timedatectl set-ntp true. Until then runs come in the wrong order, and downloads may fail."
        return Check("clock", "problem", f"{told}, though files here were written at {late}", advice)
    return Check("clock", "ok", told)
