"""What this machine has free for a run: the card that it would use, or the machine's own memory, and disk."""

import os
import platform
import shutil
from pathlib import Path
from typing import Literal

import psutil
import pynvml
from msgspec import Struct

BF16_SINCE = 8
"""The first compute capability (Ampere) that computes bfloat16 itself."""


class Card(Struct, frozen=True):
    """An NVIDIA card; bytes free and in all."""

    name: str
    memory_free: int
    memory: int
    best_precision: Literal["bf16", "fp16"]
    """What `train.precision = "auto"` means on it."""


class Machine(Struct, frozen=True):
    """`name` of card or processor, as runs record it; bytes free and in all of its memory, and free on disk."""

    card: Card | None
    name: str
    memory_free: int
    memory: int
    disk_free: int


def look(runs: Path) -> Machine:
    """The machine as it is now, with the disk that `runs` is on; that folder need not exist yet."""
    existing = next(folder for folder in (runs, *runs.parents) if folder.exists())
    disk_free = shutil.disk_usage(existing).free
    if card := _card():
        return Machine(card, card.name, card.memory_free, card.memory, disk_free)
    memory = psutil.virtual_memory()
    return Machine(None, platform.machine(), memory.available, memory.total, disk_free)


def _card() -> Card | None:
    """The first visible card; a run uses that one alone."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        if listed.isdecimal():
            handle = pynvml.nvmlDeviceGetHandleByIndex(int(listed))
        else:
            handle = pynvml.nvmlDeviceGetHandleByUUID(listed)
        held = pynvml.nvmlDeviceGetMemoryInfo(handle)
        major, _ = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        name = str(pynvml.nvmlDeviceGetName(handle))
        return Card(name, int(held.free), int(held.total), "bf16" if int(major) >= BF16_SINCE else "fp16")
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
