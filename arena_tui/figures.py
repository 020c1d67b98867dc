"""How figures are written: units, separators and decimals, the same on every screen and command line."""

import math

MISSING = "–"
"""Stands where a figure is not known."""


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def gib(size: int) -> str:
    """Bytes as 31.2 GiB; below one GiB as 512 MiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def count(n: int) -> str:
    """A whole number with separators: 57,477."""
    return f"{n:,}"


def loss(value: float | None) -> str:
    """A loss or log loss to four decimals; null in a record means it was not a finite number."""
    return "not finite" if value is None else f"{value:.4f}"


def difference(value: float) -> str:
    """A difference of two losses, always with its sign."""
    return f"{value:+.4f}".replace("-", "−")


def rate(value: float | None) -> str:
    """A learning rate: 2.0e-04."""
    return MISSING if value is None else f"{value:.1e}"


def norm(value: float | None) -> str:
    """A gradient norm to three digits."""
    return "not finite" if value is None else f"{value:.3g}"


def share(part: float, whole: float) -> str:
    """`part` of `whole` as a percentage; never 100 % before all of it, nor 0 % of something."""
    if not whole:
        return MISSING
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    return f"{math.floor(percent * 10) / 10:.1f} %"


def bar(part: float, whole: float, width: int) -> str:
    """A bar of `width` cells, filled by `part` of `whole`."""
    filled = min(width, max(0, int(width * part / whole))) if whole else 0
    return "━" * filled + "─" * (width - filled)
