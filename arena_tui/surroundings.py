"""What the console depends on around it: the terminal, and what ends at logout. Pure but for what it is given."""

import os
from collections.abc import Iterator, Mapping

from core.doctor.check import Check
from core.runs.logout import logout_warning

SMALLEST = (80, 24)


def checks(environment: Mapping[str, str], size: os.terminal_size | None, encoding: str) -> Iterator[Check]:
    """`size` is that of the terminal, None where there is none."""
    yield terminal(environment, size, encoding)
    yield multiplexer(environment)
    yield logout()


def terminal(environment: Mapping[str, str], size: os.terminal_size | None, encoding: str) -> Check:
    """Whether it can show the console: colours, characters, size."""
    if size is None:
        return Check("terminal", "note", "none", "The console needs one: ssh -t. The commands do without.")
    term = environment.get("TERM", "")
    colours = "24-bit colours" if environment.get("COLORTERM") in ("truecolor", "24bit") else "256 colours or fewer"
    found = f"{term or 'TERM is not set'}, {size.columns}x{size.lines}, {encoding}, {colours}"
    if term in ("", "dumb"):
        return Check("terminal", "problem", found, "Set TERM, to xterm-256color mostly.")
    if encoding.lower().replace("-", "") != "utf8":
        return Check("terminal", "problem", found, "Set a UTF-8 locale: export LC_ALL=C.UTF-8.")
    if size.columns < SMALLEST[0] or size.lines < SMALLEST[1]:
        return Check("terminal", "note", found, f"The console is made for {SMALLEST[0]}x{SMALLEST[1]} and more.")
    return Check("terminal", "ok", found)


def multiplexer(environment: Mapping[str, str]) -> Check:
    """Runs outlive a lost connection in any case; the console itself does in tmux or screen."""
    for variable, name in (("TMUX", "tmux"), ("STY", "screen")):
        if environment.get(variable):
            return Check("tmux", "ok", f"inside {name}")
    return Check("tmux", "note", "not inside tmux or screen", "Runs go on without; the console is opened anew.")


def logout() -> Check:
    if warning := logout_warning():
        found, _, advice = warning.partition(". ")
        return Check("logout", "problem", found, advice)
    return Check("logout", "ok", "ends no run")
