"""Where the ticks of the curves lie, at round values, and how they are written."""

import math
from collections.abc import Sequence

from textual_plot.axis_formatter import AxisFormatter

from arena_tui import figures
from arena_tui.series import Axis


class Ticks(AxisFormatter):
    """Round numbers with separators, at most about `most` of them: 2,000 or 0.95."""

    def __init__(self, most: int) -> None:
        self._most = most

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:  # noqa: ARG002
        spacing = self.spacing((max_ - min_) / self._most)
        return [spacing * i for i in range(math.ceil(min_ / spacing), math.floor(max_ / spacing) + 1)]

    def spacing(self, least: float) -> float:
        """The smallest round distance that is not below `least`."""
        power = 10.0 ** math.floor(math.log10(least))
        return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        spacing = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        decimals = max(0, -math.floor(math.log10(spacing) + 1e-9))
        return [f"{tick:,.{decimals}f}" for tick in ticks]


class RateTicks(Ticks):
    """Powers of ten: 2.0e-04."""

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return list(map(figures.rate, ticks))


class LargeTicks(Ticks):
    """Whole numbers, shortened: 15 k, 25.3 M."""

    def spacing(self, least: float) -> float:
        return max(1.0, super().spacing(least))

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [figures.rounded(round(tick)) for tick in ticks]


class DurationTicks(Ticks):
    """Seconds as 0:01:00, at round minutes and hours."""

    ROUND = (1, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)

    def spacing(self, least: float) -> float:
        return next((s for s in self.ROUND if s >= least), 86400 * math.ceil(least / 86400))

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [figures.duration(tick) for tick in ticks]


class LogTicks(Ticks):
    """Round values on an axis of decimal logarithms; over several decades, the powers of ten."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        if max_ - min_ > 1.5:
            return super().get_ticks(min_, max_, max_ticks)
        return [math.log10(value) for value in super().get_ticks(10**min_, 10**max_, max_ticks) if value > 0]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [f"{10**tick:.4g}" for tick in ticks]


def axis_ticks(axis: Axis, most: int) -> Ticks:
    match axis:
        case Axis.TIME:
            return DurationTicks(most)
        case Axis.TOKENS:
            return LargeTicks(most)
    return Ticks(most)
