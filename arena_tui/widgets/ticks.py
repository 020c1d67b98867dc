"""Where the ticks of the curves lie, at round values, and how they are written."""

import math
from collections.abc import Sequence

from arena_tui import figures
from arena_tui.series import Axis


class Ticks:
    """Round numbers with separators, at most about `most` of them: 2,000 or 0.95."""

    def __init__(self, most: int) -> None:
        self._most = most

    def ticks_and_labels(self, low: float, high: float) -> tuple[list[float], list[str]]:
        ticks = self.ticks(low, high)
        return ticks, self.labels(ticks)

    def ticks(self, low: float, high: float) -> list[float]:
        spacing = self.spacing((high - low) / self._most)
        return [spacing * i for i in range(math.ceil(low / spacing), math.floor(high / spacing) + 1)]

    def spacing(self, least: float) -> float:
        """The smallest round distance that is not below `least`."""
        power = 10.0 ** math.floor(math.log10(least))
        return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))

    def labels(self, ticks: Sequence[float]) -> list[str]:
        spacing = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        decimals = max(0, -math.floor(math.log10(spacing) + 1e-9))
        return [f"{tick:,.{decimals}f}" for tick in ticks]


class RateTicks(Ticks):
    """Powers of ten: 2.0e-04."""

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return list(map(figures.rate, ticks))


class LargeTicks(Ticks):
    """Whole numbers, shortened: 15 k, 25.3 M."""

    def spacing(self, least: float) -> float:
        return max(1.0, super().spacing(least))

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return [figures.rounded(round(tick)) for tick in ticks]


class DurationTicks(Ticks):
    """Seconds as 0:01:00, at round minutes and hours."""

    ROUND = (1, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)

    def spacing(self, least: float) -> float:
        return next((s for s in self.ROUND if s >= least), 86400 * math.ceil(least / 86400))

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return [figures.duration(tick) for tick in ticks]


class LogTicks(Ticks):
    """Round values on an axis of decimal logarithms; over several decades, the powers of ten."""

    def ticks(self, low: float, high: float) -> list[float]:
        if high - low > 1.5:
            return super().ticks(low, high)
        return [math.log10(value) for value in super().ticks(10**low, 10**high) if value > 0]

    def labels(self, ticks: Sequence[float]) -> list[str]:
        return [f"{10**tick:.4g}" for tick in ticks]


def axis_ticks(axis: Axis, most: int) -> Ticks:
    match axis:
        case Axis.TIME:
            return DurationTicks(most)
        case Axis.TOKENS:
            return LargeTicks(most)
    return Ticks(most)
