"""The child process of a run: starting it, and what it says of itself."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from core.files import in_words
from core.machine.chosen import chosen_gpus, rank_count
from core.machine.gpus import NO_GPU, nvml, only, visible_gpus
from core.machine.system import oom_kill_file, oom_kills
from core.profile.errors import ProfileError, SettingError
from core.runs.access import Strange, open_for_append, open_for_reading
from core.runs.events import Failed
from core.runs.folder import RunFolder
from core.runs.identity import Identity, RunInfo, is_seen_here
from core.runs.liveness import FOLDER_VARIABLE, START_SECONDS, mark
from core.runs.lock import holder
from core.runs.notify import notify
from core.runs.protocol import OTHER_AT_WORK, RUN_VARIABLE, TRAIN
from core.runs.record import Record
from core.user import user_name

PACKAGES = ("arena-tui", "torch", "transformers", "peft", "bitsandbytes", "accelerate")


class LaunchError(Exception):
    """There is no child, or it ended before it could say who it is. The message holds the end of its log."""


def launch(
    folder: RunFolder,
    program: Sequence[str] = TRAIN,
    *,
    gpus: Sequence[str] = (),
    working_directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `program` with the run's folder as its last argument, in a session of its own, and return once it has
    written run.json. It sees the cards `gpus` alone, if some are given, and starts in `working_directory`, or ours.

    Its output goes to console.log, so that neither a full pipe nor a closed terminal can reach it.
    Raises LaunchError if it cannot be started or ends before that; the record says so too. Where this process is
    interrupted meanwhile, the child ends with the wait for it.
    """
    before = folder.read_info()
    try:
        with open_for_append(folder.console_log) as log:
            child = subprocess.Popen(
                [*program, str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=working_directory,
                env={
                    **os.environ,
                    RUN_VARIABLE: folder.id,
                    FOLDER_VARIABLE: mark(folder),
                    **(only(",".join(gpus)) if gpus else {}),
                },
            )
    except OSError as error:
        raise _never_began(folder, f"the run's program cannot be started: {in_words(error)}") from error
    try:
        _wait_until_known(folder, child, before)
    except (KeyboardInterrupt, SystemExit):  # of this process: nobody would know of the run
        child.kill()
        child.wait()
        raise
    return child


def _wait_until_known(folder: RunFolder, child: "subprocess.Popen[bytes]", before: RunInfo | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while folder.read_info() in (None, before):
        if child.poll() == OTHER_AT_WORK:
            raise LaunchError(f"another process is at work on this run{holder(folder.lock)}")
        if child.poll() is not None:
            raise _never_began(folder, f"the run ended at once, with exit code {child.returncode}")
        if time.monotonic() > deadline:
            child.kill()
            child.wait()
            raise _never_began(folder, f"the run did not start within {START_SECONDS} s")
        time.sleep(0.02)


def _never_began(folder: RunFolder, cause: str) -> LaunchError:
    """Writes the last event that no child is there to write."""
    with Record(folder.events) as record:
        record.write(Failed(cause=cause, advice="The end of console.log may say why.", exit_code=1))
    notify(folder)
    return LaunchError(f"{cause}:\n{log_end(folder)}")


def own_ranks(folder: RunFolder) -> tuple[list[str], int]:
    """The cards that the run computes on, of those that this process sees, and its ranks on all machines: as its
    settings ask for. The first card and one rank where those cannot be read, or ask for what is not there: the run says
    so itself, and ends."""
    names = visible_gpus()
    try:
        asked = folder.read_profile().run
        cards = chosen_gpus(asked.gpus, () if names == (NO_GPU,) else names)
    except (ProfileError, SettingError, OSError):
        return list(names[:1]), 1
    return cards or [NO_GPU], asked.nodes * rank_count(asked.gpus, cards)


def describe_this_process(command: list[str], cards: Sequence[str] = (), world_size: int = 1) -> RunInfo:
    """What the child writes about itself into run.json. It computes on `cards`, or the first that it sees."""
    from importlib import metadata  # here, since only children have use for it

    counted_in = oom_kill_file()
    me = Identity.of_this_process()
    return RunInfo(
        command=command,
        working_directory=str(Path.cwd()),
        host=me.host,
        user=user_name(),
        pid=me.pid,
        process_started=me.process_started,
        python=sys.version.split()[0],
        versions={name: metadata.version(name) for name in PACKAGES},
        gpus=gpu_names(),
        world_size=world_size,
        gpu=",".join(cards or visible_gpus()[:1]),
        boot_id=me.boot_id,
        pid_namespace=me.pid_namespace,
        start_ticks=me.start_ticks,
        oom_kill_file=str(counted_in or ""),
        oom_kills=oom_kills(counted_in) if counted_in else None,
        slurm=me.slurm,
    )


def gpu_names() -> list[str]:
    """The machine's NVIDIA cards by name, in the order of their slots; none where there is no driver."""
    with nvml() as driver:
        if driver is None:
            return []
        return [_gpu_name(driver, number) for number in range(driver.nvmlDeviceGetCount())]


def _gpu_name(driver: ModuleType, number: int) -> str:
    try:
        return str(driver.nvmlDeviceGetName(driver.nvmlDeviceGetHandleByIndex(number)))
    except driver.NVMLError as error:  # one that has fallen off its bus is no reason to keep from the others
        return f"no answer ({error})"


def log_end(folder: RunFolder, size: int = 4000) -> str:
    """The last `size` bytes of the child's output, as text."""
    try:
        with open_for_reading(folder.console_log) as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
    except Strange as error:
        return f"{error.filename}: {error.strerror}"


def killed_for_memory(folder: RunFolder) -> bool:
    """Whether the kernel has killed a process of the run's control group since the run began, for want of memory.

    False too where that cannot be known any more: elsewhere, after a reboot, and once the group is gone.
    """
    info = folder.read_info()
    if info is None or info.oom_kills is None or not is_seen_here(info):
        return False
    now = oom_kills(Path(info.oom_kill_file))
    return now is not None and now > info.oom_kills
