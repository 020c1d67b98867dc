"""What this machine has free for a run: the card that it would use, or the machine's own memory, and disk."""

import itertools
import os
import platform
import shutil
from pathlib import Path
from types import ModuleType
from typing import Literal

import psutil
from msgspec import Struct

from core.runs.nvml import nvml

GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
NO_GPU = "cpu"
"""Stands for the processor where cards are named."""
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
    if found := card():
        return Machine(found, found.name, found.memory_free, found.memory, disk_free)
    memory = psutil.virtual_memory()
    return Machine(None, platform.machine(), memory.available, memory.total, disk_free)


def card(gpu: str | None = None) -> Card | None:
    """The card that `visible_gpus` calls so; by default the first visible one, which a run uses alone."""
    name = gpu or os.environ.get(GPU_VARIABLE, "0").split(",")[0]
    with nvml() as driver:
        if driver is None:
            return None
        try:
            if name.isdecimal():
                handle = driver.nvmlDeviceGetHandleByIndex(int(name))
            else:
                handle = driver.nvmlDeviceGetHandleByUUID(name)
            held = driver.nvmlDeviceGetMemoryInfo(handle)
            major, _ = driver.nvmlDeviceGetCudaComputeCapability(handle)
            full_name = str(driver.nvmlDeviceGetName(handle))
        except driver.NVMLError:
            return None
    return Card(full_name, int(held.free), int(held.total), "bf16" if int(major) >= BF16_SINCE else "fp16")


def visible_gpus() -> tuple[str, ...]:
    """The cards that a run started here may use: by number, in the order of nvidia-smi, or by a name that
    CUDA_VISIBLE_DEVICES has for a part of one. ("cpu",) where there is none. Without a driver the variable is believed.
    """
    listed = os.environ.get(GPU_VARIABLE)
    names = [] if listed is None else [name.strip() for name in listed.split(",")]
    with nvml() as driver:
        if driver is None:
            return tuple(itertools.takewhile(lambda name: name not in ("", "-1"), names)) or (NO_GPU,)
        numbers = [str(number) for number in range(driver.nvmlDeviceGetCount())]
        names = numbers if listed is None else [_number(driver, name) for name in names]
    # As CUDA does, take what stands before the first name that means nothing.
    return tuple(itertools.takewhile(lambda name: name in numbers or name.startswith("MIG-"), names)) or (NO_GPU,)


def only(gpu: str) -> dict[str, str]:
    """The environment in which a process sees this card of `visible_gpus` alone, or none."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", GPU_VARIABLE: "" if gpu == NO_GPU else gpu}


def _number(driver: ModuleType, name: str) -> str:
    if not name.startswith("GPU-"):
        return name
    try:
        return str(driver.nvmlDeviceGetIndex(driver.nvmlDeviceGetHandleByUUID(name)))
    except driver.NVMLError:
        return name
