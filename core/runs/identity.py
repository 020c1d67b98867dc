"""A process told from all others, by machine, boot, namespace, pid and start; and what that of a run says of itself.

Signals nothing.
"""

import os
import socket
import time
from pathlib import Path
from typing import Self

import psutil
from msgspec import Struct

from core.machine.slurm import has_been_requeued, job_variables

# psutil derives a start time from the boot time, which moves when the clock is set. A pid is not
# used again within seconds.
SAME_START_SECONDS = 5
PIDS = range(1, 2**31)
"""A file that was changed, or made elsewhere, may name any number."""


_LOADED = time.time()


class RunInfo(Struct, frozen=True, kw_only=True):
    """run.json: who runs where since when. Written by the child before anything else.

    pid and process_started (seconds since 1970) name the process together, since pids are used again; after a
    reboot neither says anything.
    """

    command: list[str]
    working_directory: str
    host: str
    user: str
    pid: int
    process_started: float
    python: str
    versions: dict[str, str]
    gpus: list[str]
    world_size: int
    """Ranks that compute the run together, on all its machines."""
    gpu: str | None = None
    """The cards that the run computes on, as `visible_gpus` names them, with commas; None where that is not told."""
    boot_id: str = ""
    """The machine's id of the boot in which the process ran; "" where the system has none."""
    pid_namespace: str = ""
    """Where `pid` means this process: a container has a namespace of its own; "" where the system has none."""
    oom_kill_file: str = ""
    """Where the kernel counts the processes of the run's control group that it kills for want of memory."""
    oom_kills: int | None = None
    """That count when the run began; None where the kernel does not tell."""
    start_ticks: int | None = None
    """When the process started, in clock ticks since the boot; None where the system does not tell."""
    slurm: dict[str, str] = {}
    """`job_variables`; empty outside of Slurm."""

    @property
    def cards(self) -> list[str] | None:
        """`gpu`, each by itself."""
        return None if self.gpu is None else self.gpu.split(",")


class Identity(Struct, frozen=True, kw_only=True):
    """What RunInfo, too, says of a process."""

    host: str
    pid: int
    process_started: float
    boot_id: str
    pid_namespace: str
    start_ticks: int | None
    slurm: dict[str, str] = {}

    @classmethod
    def of_this_process(cls) -> Self:
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            process_started=process_started(),
            boot_id=boot_id(),
            pid_namespace=pid_namespace(),
            start_ticks=start_ticks(os.getpid()),
            slurm=job_variables(),
        )


def process_started() -> float:
    """When this process began, in seconds since 1970; where the system does not tell, when it began to look."""
    try:
        return psutil.Process().create_time()
    except psutil.Error:
        return _LOADED


def boot_id() -> str:
    """Linux's id of this boot, "" elsewhere. A container has that of its host."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def pid_namespace() -> str:
    """Linux's name of the namespace in which this process sees pids, one for each container; "" elsewhere."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """Clock ticks from the boot to the start of `pid` (proc(5), stat, field 22), which setting the clock does not
    change; None where there is no such process, or no /proc that shows it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])  # the name before it may hold spaces and brackets


def is_seen_here(who: RunInfo | Identity) -> bool:
    """Whether the pid means the same process here: same machine, same container."""
    if who.boot_id and who.pid_namespace:
        return (who.boot_id, who.pid_namespace) == (boot_id(), pid_namespace())
    return who.host == socket.gethostname()


def is_alive(who: RunInfo | Identity) -> bool | None:
    """Whether the process lives; None where that cannot be known from its pid: on another machine, in another
    container, of another user where /proc hides those, and of any where there is no /proc."""
    if has_been_requeued(who.slurm):
        return False
    if who.boot_id and who.boot_id != boot_id():
        return False if who.host == socket.gethostname() and boot_id() else None
    if not is_seen_here(who):
        return None
    if who.pid not in PIDS:
        return False
    try:
        process = psutil.Process(who.pid)
        if who.start_ticks is not None and (ticks := start_ticks(who.pid)) is not None:
            is_same = ticks == who.start_ticks
        else:
            is_same = abs(process.create_time() - who.process_started) < SAME_START_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.ZombieProcess:
        return False
    except psutil.NoSuchProcess:
        return None if _exists(who.pid) else False
    except psutil.AccessDenied:
        return None


def _exists(pid: int) -> bool:
    """Whether there is a process that /proc does not show (proc(5), hidepid), or there is no /proc."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
