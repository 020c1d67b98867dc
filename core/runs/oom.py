"""The kernel's count of processes that it has killed for want of memory, in the control group of this process."""

from pathlib import Path

from core.runs.control_group import memory_groups
from core.runs.folder import RunFolder
from core.runs.identity import is_seen_here


def oom_kill_file(root: Path = Path("/")) -> Path | None:
    """Where the kernel counts them: memory.events of version 2, memory.oom_control of 1; None where it does not."""
    places = (group / name for group in memory_groups(root) for name in ("memory.events", "memory.oom_control"))
    return next((place for place in places if oom_kills(place) is not None), None)


def oom_kills(file: Path) -> int | None:
    """The count in `file`; None where it cannot be read."""
    try:
        pairs = [line.split() for line in file.read_text().splitlines()]
    except (OSError, ValueError):  # the name may come from a damaged run.json
        return None
    return next((int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == "oom_kill"), None)


def killed_for_memory(folder: RunFolder) -> bool:
    """Whether the kernel has killed a process of the run's control group since the run began, for want of memory.

    False too where that cannot be known any more: elsewhere, after a reboot, and once the group is gone.
    """
    info = folder.read_info()
    if info is None or info.oom_kills is None or not is_seen_here(info):
        return False
    now = oom_kills(Path(info.oom_kill_file))
    return now is not None and now > info.oom_kills
