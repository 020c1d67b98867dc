"""How figures are written, the same on every screen and command line; and the glyph of each state."""

import time

from core.runs.state import Status

MUTED = "$foreground 60%"
"""For what only explains a figure."""

GLYPHS = {
    Status.QUEUED: "◷",
    Status.PREPARED: "◇",
    Status.STARTING: "◌",
    Status.RUNNING: "●",
    Status.STALLED: "◑",
    Status.STOPPING: "◍",
    Status.FINISHED: "✓",
    Status.CANCELLED: "■",
    Status.FAILED: "✗",
    Status.LOST: "?",
    Status.UNKNOWN: "!",
}
STYLES = {
    Status.QUEUED: "$accent",
    Status.PREPARED: "$accent",
    Status.STARTING: "$accent",
    Status.RUNNING: "$accent",
    Status.STALLED: "$text-warning",
    Status.STOPPING: "$accent",
    Status.FINISHED: "",
    Status.CANCELLED: MUTED,
    Status.FAILED: "$text-error",
    Status.LOST: "$text-error",
    Status.UNKNOWN: "$text-error",
}

MISSING = "–"
"""Stands where a figure is not known."""

OUTCOME_COLOURS = ("$answer-a", "$answer-b", "$foreground 60%")
"""Of A, B and a tie."""


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def moment(seconds: float | None) -> str:
    """When it was, given in seconds since 1970, in this machine's time: 26-01-31 12:00."""
    return MISSING if seconds is None else time.strftime("%y-%m-%d %H:%M", time.localtime(seconds))


def gib(size: int) -> str:
    """Bytes as 31.2 GiB; below one GiB as 512 MiB, below one MiB as 12 KiB."""
    if 0 < size < 2**20:
        return f"{size / 2**10:.0f} KiB"
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def count(n: int) -> str:
    """A whole number with separators: 57,477."""
    return f"{n:,}"


def counted(n: int, unit: str) -> str:
    """So many of something: 1 row, 57,477 rows."""
    return f"{count(n)} {unit}{'' if n == 1 else 's'}"


def ordinal(n: int) -> str:
    """A place in a line, counted from 1: 1st, 2nd, 3rd, 11th."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{count(n)}{ending}"


def rounded(n: int) -> str:
    """A large number to three digits: 9.25 G, 25.3 M, 15.5 k."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return str(n)


def loss(value: float | None) -> str:
    """A loss or log loss to four decimals; null in a record means it was not a finite number."""
    return "not finite" if value is None else f"{value:.4f}"


def difference(value: float) -> str:
    """A difference of two losses, always with its sign."""
    return f"{value:+z.4f}".replace("-", "−")


def rate(value: float | None) -> str:
    """A learning rate: 2.0e-04."""
    if value is None:
        return MISSING
    return f"{value:.1e}" if value else "0"


def norm(value: float | None) -> str:
    """A gradient norm to three digits."""
    return "not finite" if value is None else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share, rounded: 16.9 %, below one percent 0.04 %. Only none of it is 0 %, and only all of it 100 %."""
    if share is None:
        return MISSING
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    value = 100 * share
    if value < 0.995:
        return f"{max(0.01, value):.2f} %"
    return f"{min(99.9, value):.1f} %" if value < 100 else f"{value:.1f} %"


def share(part: float, whole: float) -> str:
    """`part` of `whole` as a percentage."""
    return percent(part / whole if whole else None)


def bar(part: float, whole: float, width: int) -> str:
    """A bar of `width` cells, filled by `part` of `whole`."""
    filled = min(width, max(0, int(width * part / whole))) if whole else 0
    return "━" * filled + "─" * (width - filled)
