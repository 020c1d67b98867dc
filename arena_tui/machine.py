"""What this machine has free for a run: card memory, or the machine's own, and disk."""

import shutil
from pathlib import Path

import psutil
import pynvml
from msgspec import Struct


class Machine(Struct, frozen=True):
    """Bytes free and in all, of the first card where there is one, else of the machine; and of the runs' disk."""

    name: str
    memory_free: int
    memory: int
    disk_free: int


def look(runs: Path) -> Machine:
    """The machine as it is now. `runs` need not exist yet."""
    existing = next(folder for folder in (runs, *runs.parents) if folder.exists())
    disk_free = shutil.disk_usage(existing).free
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        memory = psutil.virtual_memory()
        return Machine("no GPU", memory.available, memory.total, disk_free)
    try:
        card = pynvml.nvmlDeviceGetHandleByIndex(0)
        held = pynvml.nvmlDeviceGetMemoryInfo(card)
        return Machine(str(pynvml.nvmlDeviceGetName(card)), int(held.free), int(held.total), disk_free)
    finally:
        pynvml.nvmlShutdown()
