"""The ranks of a run: on what they compute, in words, and which of them the others wait for. Knows no widget."""

from collections import Counter
from collections.abc import Sequence

from core.runs.events import Device, Started
from core.runs.figures import RankReading

NOISE = 0.01
"""Of the time: ranks whose waits differ by less wait as much."""


def devices(started: Started) -> list[Device]:
    """What each rank computes on; of a run that has but one, what that does."""
    return started.ranks or [started.device]


def computed_on(started: Started, on_processor: str = " ranks on ") -> str:
    """2 × NVIDIA H200, or 2 ranks on x86_64 where they share a processor; the name of the device alone where there is
    one rank."""
    counts = Counter(device.name for device in devices(started))
    if counts.total() == 1:
        return started.device.name
    by = on_processor if started.device.kind == "cpu" else " × "
    return ", ".join(f"{count}{by}{name}" for name, count in counts.items())


def slowest(ranks: Sequence[RankReading]) -> int | None:
    """The rank that the others wait for: it waits the least itself. None where all wait as much, within a percent."""
    waits = [reading.waited for reading in ranks]
    return waits.index(min(waits)) if waits and max(waits) - min(waits) >= NOISE else None
