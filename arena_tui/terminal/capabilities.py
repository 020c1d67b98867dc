"""What the console's terminal can do, and what ends at logout: read from the environment."""

import codecs
import os
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from core.config import Console
from core.doctor.protocol import Check
from core.machine.system import logout_warning

SSH_FRAME_RATE = 15
"""Frames per second: fewer than Textual's 60, since each travels, and enough for what changes a few times a second."""


def suited(console: Console, environment: Mapping[str, str], encoding: str) -> Console:
    """`console` without open ends. `encoding` is that of stdout."""
    over_ssh = "SSH_CONNECTION" in environment
    is_poor = environment.get("TERM") == "linux" or not _is_utf8(encoding)
    return replace(
        console,
        ascii=is_poor if console.ascii is None else console.ascii,
        animation=not over_ssh if console.animation is None else console.animation,
        frame_rate=SSH_FRAME_RATE if console.frame_rate is None and over_ssh else console.frame_rate,
    )


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


SMALLEST = (80, 24)


def checks(environment: Mapping[str, str], size: os.terminal_size | None, encoding: str) -> Iterator[Check]:
    """`size` is that of the terminal, None where there is none."""
    yield terminal(environment, size, encoding)
    yield multiplexer(environment)
    yield logout()


def terminal(environment: Mapping[str, str], size: os.terminal_size | None, encoding: str) -> Check:
    """Whether it can show the console: colours, characters, size."""
    if size is None:
        return Check("terminal", "note", "none", "The console needs a terminal: ssh -t. The commands do not.")
    term = environment.get("TERM", "")
    colours = "24-bit colours" if environment.get("COLORTERM") in ("truecolor", "24bit") else "256 colours or fewer"
    found = f"{term or 'TERM is not set'}, {size.columns}x{size.lines}, {encoding}, {colours}"
    if term in ("", "dumb"):
        return Check("terminal", "problem", found, "Set TERM, usually to xterm-256color.")
    if encoding.lower().replace("-", "") != "utf8":
        return Check("terminal", "problem", found, "Set a UTF-8 locale: export LC_ALL=C.UTF-8.")
    if size.columns < SMALLEST[0] or size.lines < SMALLEST[1]:
        return Check("terminal", "note", found, f"The console is designed for {SMALLEST[0]}x{SMALLEST[1]} or larger.")
    return Check("terminal", "ok", found)


def multiplexer(environment: Mapping[str, str]) -> Check:
    """Runs outlive a lost connection in any case; the console itself does in tmux or screen."""
    for variable, name in (("TMUX", "tmux"), ("STY", "screen")):
        if environment.get(variable):
            return Check("tmux", "ok", f"inside {name}")
    return Check(
        "tmux", "note", "not inside tmux or screen", "Runs continue without it; the console has to be reopened."
    )


def logout() -> Check:
    if warning := logout_warning():
        found, _, advice = warning.partition(". ")
        return Check("logout", "problem", found, advice)
    return Check("logout", "ok", "ends no run")
