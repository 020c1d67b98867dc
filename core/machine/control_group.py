"""The control group of this process: where it lies, what memory it may take, and what the kernel killed there."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from core.files import MOST_OF_A_CONFIG, read_bounded

NO_LIMIT = 1 << 60
"""Version 1 writes some such number where there is none, version 2 "max"."""
_LIMITS = ("memory.max", "memory.high", "memory.limit_in_bytes")
_USED = ("memory.current", "memory.usage_in_bytes")
_CAN_GO = ("total_inactive_file", "inactive_file")
"""Of memory.stat: pages of files that have not been read lately, which the kernel drops before it refuses anything."""


class GroupMemory(Struct, frozen=True):
    """Bytes that the group may have in all, and of these what it does not hold."""

    limit: int
    free: int


def memory_groups(root: Path = Path("/")) -> Iterator[Path]:
    """Folders where the kernel may tell of the memory of this process's group, the likelier one first."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers == "":
            yield root / "sys/fs/cgroup" / path.lstrip("/")
        elif "memory" in controllers.split(","):
            # A container sees its own group where the hierarchy begins.
            yield root / "sys/fs/cgroup/memory" / path.lstrip("/")
            yield root / "sys/fs/cgroup/memory"


def group_memory(root: Path = Path("/")) -> GroupMemory | None:
    """The tightest limit of the group and of those that it lies in, by what is left of each; None without a limit."""
    found = []
    for group in memory_groups(root):
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root / "sys/fs/cgroup"):
                break
            limits = [limit for name in _LIMITS if (limit := _number(folder / name)) is not None and limit < NO_LIMIT]
            used = next((number for name in _USED if (number := _number(folder / name)) is not None), None)
            if limits and used is not None:
                limit = min(limits)
                found.append(GroupMemory(limit, min(limit, max(0, limit - used + _can_go(folder)))))
    return min(found, key=lambda one: one.free, default=None)


def _number(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _can_go(folder: Path) -> int:
    try:
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
    except OSError:
        return 0
    counts = {line[0]: int(line[1]) for line in lines if len(line) == 2}
    return next((counts[name] for name in _CAN_GO if name in counts), 0)


def oom_kill_file(root: Path = Path("/")) -> Path | None:
    """Where the kernel counts them: memory.events of version 2, memory.oom_control of 1; None where it does not."""
    places = (group / name for group in memory_groups(root) for name in ("memory.events", "memory.oom_control"))
    return next((place for place in places if oom_kills(place) is not None), None)


def oom_kills(file: Path) -> int | None:
    """The count in `file`; None where it cannot be read. A run's record names it, and may name anything."""
    try:
        pairs = [line.split() for line in read_bounded(file, MOST_OF_A_CONFIG).splitlines()]
    except (OSError, ValueError):  # the name may come from a damaged run.json
        return None
    return next(
        (int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == b"oom_kill" and pair[1].isdigit()), None
    )
