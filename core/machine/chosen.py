"""Which of the visible cards a run computes on, as `run.gpus` asks for them. Asks no driver."""

from collections.abc import Sequence
from typing import Literal

from core.profile.errors import SettingError


def chosen_gpus(wanted: int | Literal["all"] | list[int], visible: Sequence[str]) -> list[str]:
    """The cards of `visible`, as it names them, one for each rank; none where there is no card.

    Numbers count the visible ones, from 0, in the order of CUDA_VISIBLE_DEVICES, else of nvidia-smi. Raises
    SettingError, naming those that there are.
    """
    if not visible and not isinstance(wanted, list):
        return []
    if wanted == "all":
        return list(visible)
    there = f"the visible ones are {', '.join(visible)}" if visible else "no card is visible"
    if isinstance(wanted, int):
        if wanted > len(visible):
            raise SettingError("run.gpus", wanted, f"more cards than there are: {there}")
        return list(visible[:wanted])
    if missing := [number for number in wanted if number >= len(visible)]:
        raise SettingError("run.gpus", wanted, f"there is no card {missing[0]}: {there}")
    if len(set(wanted)) < len(wanted):
        raise SettingError("run.gpus", wanted, "a card is named twice")
    return [visible[number] for number in wanted]


def rank_count(wanted: int | Literal["all"] | list[int], cards: Sequence[str]) -> int:
    """Ranks of this machine: one on each of `cards`, or where there is none as many as are asked for."""
    if cards:
        return len(cards)
    return wanted if isinstance(wanted, int) else 1
