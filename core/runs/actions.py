"""What people do with runs, written once for the command line and for the console: start, resume, retry, queue, stop.

What begins a process is done in two steps, so that whoever asks can watch the folder, or hear signals, in between: the
action makes the folder ready and gives a Job, whose `start` begins the process. Predicting, which stands on all of
this, is in core.predict.actions. Imports nothing heavy.
"""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from core.machine.slurm import JOB, is_same_job, job_variables, restarts
from core.profile.errors import ProfileError, SettingError
from core.profile.files import ProfileFile, find_profile, read_profile, rooted
from core.profile.load import to_toml
from core.profile.search import Search
from core.profile.settings import Profile
from core.profile.sweep import Variant, variants
from core.runs import stopping
from core.runs.access import open_for_append, read_whole
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.launch_script import demand_one_machine
from core.runs.liveness import is_run_alive
from core.runs.lock import is_locked
from core.runs.process import launch
from core.runs.protocol import RESUME, RUNNER, TRAIN
from core.runs.queue import Queue, queue_of
from core.runs.queue_runner import is_wanted
from core.runs.resume import CannotResume, Retry, add_due_end, prepare
from core.runs.stopping import Rung

LONGEST_LOG = 1 << 20
"""Bytes of the log of a queue's runner; a longer one is begun anew by the next runner."""

Folder = TypeVar("Folder", bound=RunFolder, covariant=True)


class Job(Struct, Generic[Folder], frozen=True):
    """A folder that is ready, and the command that works in it; None where a process is at work there already."""

    folder: Folder
    command: tuple[str, ...] | None = None

    @property
    def is_at_work(self) -> bool:
        return self.command is None

    def start(self) -> "subprocess.Popen[bytes] | None":
        """Start the process, and return it once it has said who it is; None where one is at work already.

        Raises LaunchError, and OSError.
        """
        return launch(self.folder, self.command) if self.command else None


def new_run(runs: Path, profile: Profile, *, text: str, name: str, program: Sequence[str] = TRAIN) -> Job[RunFolder]:
    """A new folder in `runs`, as `create_run` makes it, in which `program` is to train.

    Raises SettingError, and OSError.
    """
    demand_one_machine(profile)
    return Job(create_run(runs, profile, text=text, name=name), tuple(program))


def new_folder(runs: Path, profile: Profile, *, text: str, name: str) -> RunFolder:
    """The same without a process, for a script that starts one on each of its machines. Raises OSError."""
    return create_run(runs, profile, text=text, name=name)


def begun_by_this_job(runs: Path, profile: Profile) -> RunFolder | None:
    """The newest run in `runs` that this Slurm job began with these settings before it was requeued."""
    if not restarts(job_variables()):
        return None
    settings = to_toml(rooted(profile, Path.cwd())).encode()
    for run in list_runs(runs):
        info = run.read_info() if run.path.lstat().st_uid == os.getuid() else None
        if info and is_same_job(info.slurm) and read_whole(run.resolved) == settings:
            return run
    return None


class HadCompleted(CannotResume):
    """Only the run's last event was missing, and is written now."""


def resume(folder: RunFolder, overrides: Sequence[str] = (), program: Sequence[str] = TRAIN) -> Job[RunFolder]:
    """Go on with a run from its newest intact checkpoint, its settings changed by `overrides`.

    Raises HadCompleted, CannotResume, SettingError, ProfileError and OSError.
    """
    if add_due_end(folder):
        raise HadCompleted(
            f"{folder.id} was complete: its missing last event has been written; nothing is left to train"
        )
    prepare(folder, tuple(overrides))
    if folder.read_profile().run.nodes > 1:
        raise CannotResume(
            f"{folder.id} is computed by several machines, and its launch script goes on with it: sbatch SCRIPT "
            f"{shlex.quote(str(folder.path))}; without Slurm, {RESUME} behind the folder on each machine"
        )
    return Job(folder, (*program, RESUME))


def retry(folder: RunFolder, proposed: Retry, runs: Path, program: Sequence[str] = TRAIN) -> Job[RunFolder]:
    """Go on with a failed run with the settings that `prepare_retry` proposes, or where it cannot, begin another.

    Raises CannotResume, SettingError, ProfileError and OSError.
    """
    if proposed.goes_on:
        return resume(folder, proposed.overrides, program)
    return new_run(runs, proposed.profile, text=proposed.text, name=folder.name, program=program)


class CannotQueue(Exception):
    """The message says what is wrong, of each profile."""


def sweep(
    profiles: Sequence[str], overrides: Sequence[str] = (), search: Search | None = None
) -> list[tuple[ProfileFile, Variant]]:
    """The runs of the profiles that are named, by path or as shipped, a run for each combination of the values in
    `overrides`, or as many as `search` draws: what `Queue.add` is to be given. Raises CannotQueue with the problems of
    all of them."""
    found: list[tuple[ProfileFile, Variant]] = []
    problems = []
    for named in profiles:
        try:
            file = read_profile(find_profile(named))
            runs = variants(file.text, source=str(file.path), name=file.name, overrides=overrides, search=search)
            for variant in runs:
                demand_one_machine(variant.profile)
                found.append((file, variant))
        except (ProfileError, SettingError) as error:
            problems.append(str(error))
    if problems:
        raise CannotQueue("\n".join(problems))
    return found


def see_to_runner(queue: Queue, program: Sequence[str] = TRAIN) -> "subprocess.Popen[bytes] | None":
    """Start a runner if something waits and there is none. What it starts is `program`, as for `launch`.

    Of two that are started at once, one finds the other and ends. Raises OSError.
    """
    if not is_wanted(queue) or is_locked(queue.runner_lock):
        return None
    with open_for_append(queue.runner_log) as log:
        if log.tell() > LONGEST_LOG:
            log.truncate(0)
        return subprocess.Popen(
            [*RUNNER, str(queue.runs), *program],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


class CannotStop(Exception):
    """The message says why, and the way out where there is one."""


def stop(folder: RunFolder, rung: Rung) -> None:
    """Ask a run or a prediction to end. It is over once `has_ended`. Raises CannotStop."""
    try:
        if stopping.ask(folder, rung):
            return
    except PermissionError:
        raise CannotStop(f"{folder.id} belongs to another user; only they can stop it") from None
    raise CannotStop(f"{folder.id} is not running here{_where_else(folder)}")


def _where_else(folder: RunFolder) -> str:
    try:
        if queue_of(folder).place(folder) is not None:
            return ": it waits in the queue; arena-tui queue remove takes it out"
        if is_run_alive(folder) is None:
            where = ", as far as can be told: it can only be stopped where it was started, by who started it"
            info = folder.read_info()
            job = info.slurm.get(JOB, "") if info else ""
            return f"{where}; scancel --signal=TERM {job} stops it from here" if job.isdecimal() else where
    except OSError as error:  # the folder is gone, perhaps
        return f": {folder.path}: {error.strerror}"
    return ""


def has_ended(folder: RunFolder, *, was_killed: bool) -> bool:
    """Whether no process of the run is left. The last event of one `was_killed`, which could not write it, is written
    then."""
    if stopping.processes(folder):
        return False
    if was_killed:
        stopping.note_kill(folder)
    return True
