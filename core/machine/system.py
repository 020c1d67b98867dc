"""What the system does to processes: logind at logout, and the memory of control groups. Signals nothing."""

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from core.files import MOST_OF_A_CONFIG, read_bounded
from core.user import user_name

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


DIRECTORIES = ("etc", "run", "usr/local/lib", "usr/lib")
"""Where systemd looks for configuration, the most important first."""
SESSION = re.compile(r"/session-[^/]+\.scope(/|$)")
MANAGER = re.compile(r"/user@\d+\.service(/|$)")
LINGER = "`loginctl enable-linger`"


def logout_warning(user: str | None = None, root: Path = Path("/")) -> str | None:
    """What would end a run of `user` started from this process, and the way out; None where nothing would.

    Everything is read below `root`.
    """
    user = user or user_name()
    group = _control_group(root)
    if SESSION.search(group) and kills_user_processes(user, root):
        return (
            "Logging out would end this run: systemd-logind ends what a session has started (KillUserProcesses). To "
            f"keep it running: {LINGER} once, and start with `systemd-run --user --scope arena-tui`."
        )
    if MANAGER.search(group) and not (root / "var/lib/systemd/linger" / user).exists():
        return (
            "Logging out would end this run: it belongs to the user's systemd, which ends with the last session. To "
            f"keep it running: {LINGER}."
        )
    return None


def kills_user_processes(user: str, root: Path) -> bool:
    """Whether logind ends the processes of `user`'s sessions with them. Root is spared unless the lists differ."""
    settings = _login_settings(root)
    if user in settings.get("killexcludeusers", "root").split():
        return False
    if only := settings.get("killonlyusers", "").split():
        return user in only
    return settings.get("killuserprocesses", "no").lower() in ("yes", "true", "on", "1", "y", "t")


def _login_settings(root: Path) -> dict[str, str]:
    """[Login] of logind.conf and of its drop-ins: of files with one name the first directory's, later names last."""
    main = next((path for place in DIRECTORIES if (path := root / place / "systemd/logind.conf").is_file()), None)
    drop_ins: dict[str, Path] = {}
    for place in reversed(DIRECTORIES):
        drop_ins |= {path.name: path for path in (root / place / "systemd/logind.conf.d").glob("*.conf")}
    settings: dict[str, str] = _built_in(root)
    for path in [*([main] if main else []), *(drop_ins[name] for name in sorted(drop_ins))]:
        parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, configparser.Error):
            continue
        if parser.has_section("Login"):
            settings |= {key: value or "" for key, value in parser["Login"].items()}
    return settings


def _built_in(root: Path) -> dict[str, str]:
    """What this systemd was built with: the file that it is installed with names it in a comment."""
    for place in reversed(DIRECTORIES):
        try:
            text = (root / place / "systemd/logind.conf").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if found := re.search(r"^#KillUserProcesses=(\w+)", text, re.MULTILINE):
            return {"killuserprocesses": found[1]}
    return {}


def _control_group(root: Path) -> str:
    """The path of this process in systemd's hierarchy; "" where there is none."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    return paths.get("name=systemd") or paths.get("", "")
