"""What this machine has free for a run: its card, read through NVIDIA's library, or its own memory; and disk."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import psutil
from msgspec import Struct

from core.machine.system import group_memory
from core.machine.visible import GPU_VARIABLE, Installed, Instance, Visible, read_visible
from core.profile.train_settings import Precision


@contextmanager
def nvml() -> Iterator[ModuleType | None]:
    """pynvml, at work; None where there is no driver."""
    import pynvml  # thousands of constants, which no first screen should wait for

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


ORDER_VARIABLE = "CUDA_DEVICE_ORDER"
NVIDIA_SMIS = "PCI_BUS_ID"
"""The order in which numbers count the cards everywhere in this project."""
NO_GPU = "cpu"
"""Stands for the processor where cards are named."""
BF16_SINCE = 8
"""The first compute capability (Ampere) that computes bfloat16 itself."""


class Card(Struct, frozen=True):
    """An NVIDIA card; bytes free and in all."""

    name: str
    memory_free: int
    memory: int
    best_precision: Precision


class Machine(Struct, frozen=True):
    """`name` of card or processor, as runs record it; bytes free and in all of its memory, and free on disk.

    Quotas of users and groups are not known of: the disk's own figure of what is free does not show them.
    """

    card: Card | None
    name: str
    memory_free: int
    memory: int
    disk_free: int
    others: int = 0
    """Further cards that are visible."""

    @property
    def best_precision(self) -> Precision:
        """What `train.precision = "auto"` means here."""
        return self.card.best_precision if self.card else best_precision(None)


def best_precision(compute_capability: int | None) -> Precision:
    """What a device computes itself, by the major version of its compute capability: bf16 on cards from Ampere on,
    fp16 on older ones; fp32 on a processor, which has none."""
    if compute_capability is None:
        return "fp32"
    return "bf16" if compute_capability >= BF16_SINCE else "fp16"


def look(runs: Path) -> Machine:
    """The machine as it is now, with the disk that `runs` is on; that folder need not exist yet."""
    existing = next(folder for folder in (runs, *runs.parents) if folder.exists())
    disk_free = shutil.disk_usage(existing).free
    if found := card():
        others = len(visible().names) - 1
        return Machine(found, found.name, found.memory_free, found.memory, disk_free, others)
    return Machine(None, platform.machine(), *memory(), disk_free)


def memory(root: Path = Path("/")) -> tuple[int, int]:
    """Bytes of the machine's own memory that are free, and in all, within what the control group may have of them."""
    try:
        machine = psutil.virtual_memory()
        free, total = machine.available, machine.total
    except OSError:  # no /proc
        page = os.sysconf("SC_PAGE_SIZE")
        free, total = page * os.sysconf("SC_AVPHYS_PAGES"), page * os.sysconf("SC_PHYS_PAGES")
    if group := group_memory(root):
        free, total = min(free, group.free), min(total, group.limit)
    return free, total


def card(gpu: str | None = None) -> Card | None:
    """The card that `visible_gpus` calls so; by default the first visible one, which a run uses alone."""
    with nvml() as driver:
        if driver is None:
            return None
        name = gpu or next(iter(_visible(driver).names), NO_GPU)
        if name == NO_GPU:
            return None
        try:
            if name.isdecimal():
                handle = whole = driver.nvmlDeviceGetHandleByIndex(int(name))
            else:
                handle = driver.nvmlDeviceGetHandleByUUID(name)
                whole = driver.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
            held = driver.nvmlDeviceGetMemoryInfo(handle)
            major, _ = driver.nvmlDeviceGetCudaComputeCapability(whole)
            full_name = str(driver.nvmlDeviceGetName(handle))
        except driver.NVMLError:
            return None
    return Card(full_name, int(held.free), int(held.total), best_precision(int(major)))


def visible() -> Visible:
    """What CUDA_VISIBLE_DEVICES means here and now."""
    with nvml() as driver:
        return _visible(driver)


def named(text: str) -> Visible:
    """What a list of cards means, written as CUDA_VISIBLE_DEVICES is."""
    with nvml() as driver:
        return read_visible(text, None if driver is None else _installed(driver))


def visible_gpus() -> tuple[str, ...]:
    """The cards that a run started here may use: by number, in the order of nvidia-smi, or a part of one by its UUID.
    ("cpu",) where there is none. Without a driver the variable is believed.
    """
    return visible().names or (NO_GPU,)


def only(gpu: str) -> dict[str, str]:
    """The environment in which a process sees this card of `visible_gpus` alone, or several with commas, or none."""
    return {ORDER_VARIABLE: NVIDIA_SMIS, GPU_VARIABLE: "" if gpu == NO_GPU else gpu}


def _visible(driver: ModuleType | None) -> Visible:
    return read_visible(os.environ.get(GPU_VARIABLE), None if driver is None else _installed(driver))


def _installed(driver: ModuleType) -> list[Installed]:
    return [_installed_at(driver, number) for number in range(driver.nvmlDeviceGetCount())]


def _installed_at(driver: ModuleType, number: int) -> Installed:
    """One that does not answer keeps its number; nothing else is known of it."""
    try:
        handle = driver.nvmlDeviceGetHandleByIndex(number)
        uuid = str(driver.nvmlDeviceGetUUID(handle))
    except driver.NVMLError:
        return Installed("")
    try:
        is_divided = driver.nvmlDeviceGetMigMode(handle)[0] == driver.NVML_DEVICE_MIG_ENABLE
    except driver.NVMLError:  # of a kind that cannot be divided
        is_divided = False
    return Installed(uuid, tuple(_instances(driver, handle)) if is_divided else None)


def _instances(driver: ModuleType, handle: object) -> Iterator[Instance]:
    for number in range(driver.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = driver.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except driver.NVMLError:  # so many there could be, and are not
            continue
        uuid = str(driver.nvmlDeviceGetUUID(part))
        yield Instance(uuid, driver.nvmlDeviceGetGpuInstanceId(part), driver.nvmlDeviceGetComputeInstanceId(part))
