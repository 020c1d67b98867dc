"""What computes: the one device of a run, the precision it can do, and how much memory is in use."""

import os
import platform

import psutil
import pynvml
import torch

from core.machine import gpus
from core.machine.gpus import NO_GPU, NVIDIA_SMIS, ORDER_VARIABLE, only, visible
from core.machine.visible import GPU_VARIABLE, Visible
from core.profile.train_settings import Precision
from core.runs.events import Device
from core.runs.process import gpu_names

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


class GpuError(Exception):
    """There is a card, and torch cannot use it, or it is not the one that is asked for. The message says why."""


def use_one_gpu() -> str | None:
    """Hide all NVIDIA cards but the first visible one, and say so if there were more. Call before CUDA starts.

    The Trainer would spread each batch over all visible cards, and silently change the number of steps. Raises
    GpuError, as `demand_found`.
    """
    seen = visible()
    demand_found(seen)
    order = os.environ.get(ORDER_VARIABLE, NVIDIA_SMIS)
    os.environ.update(only(seen.names[0] if seen.names else NO_GPU))
    said = [seen.trouble] if seen.trouble else []
    if len(seen.names) > 1:
        which = f"{len(seen.names)} GPUs are visible; this run uses GPU {seen.names[0]}"
        said.append(f"{which}. Set {GPU_VARIABLE} to choose another, run.gpus for several")
    if order != NVIDIA_SMIS and seen.names and len(gpu_names()) > 1:
        said.append(f"{ORDER_VARIABLE}={order} is ignored: GPUs are numbered as nvidia-smi numbers them")
    return "; ".join(said) or None


def demand_found(seen: Visible) -> None:
    """Raises GpuError where CUDA_VISIBLE_DEVICES asks for a card and none that is here: the run would else take the
    processor."""
    if seen.trouble and not seen.names:
        raise GpuError(f"{seen.trouble}; `nvidia-smi -L` lists them")


def unused_gpu() -> str | None:
    """Why torch cannot use the card that there is, in the library's words; None where it can, or is not to.

    A run would else quietly take the processor, and weeks. Call after `use_one_gpu`.
    """
    if not os.environ[GPU_VARIABLE]:
        return None
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return None
    except pynvml.NVMLError as error:
        return str(error)
    pynvml.nvmlShutdown()
    return cuda_error() if gpu_names() else None


def cuda_error() -> str | None:
    """What torch says when it is to begin with CUDA; None where it can."""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error)
    return None


def device() -> Device:
    """The first visible card, or the processor where there is none."""
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Device(kind="cuda", name=properties.name, memory=properties.total_memory)
    return Device(kind="cpu", name=platform.machine(), memory=gpus.memory()[1])


def place() -> str:
    """The device's name in torch."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def best_precision() -> Precision:
    """What the device computes itself."""
    return gpus.best_precision(torch.cuda.get_device_capability()[0] if torch.cuda.is_available() else None)


def available() -> int | None:
    """Bytes of the card that this process could have at most: what it holds and what is free; None without a card."""
    if not torch.cuda.is_available():
        return None
    return int(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved())


def memory() -> tuple[int, int, int]:
    """Bytes allocated and reserved now, and the most allocated so far.

    Without a GPU, the resident memory of this process, twice, and its highest.
    """
    if torch.cuda.is_available():
        return (
            torch.cuda.memory_allocated(),
            torch.cuda.memory_reserved(),
            torch.cuda.max_memory_allocated(),
        )
    try:
        resident = psutil.Process().memory_info().rss
    except psutil.Error:  # no /proc
        resident = _peak_resident()
    return resident, resident, max(resident, _peak_resident())


def free_memory() -> int | None:
    """Bytes free on the card; None on a processor."""
    if not torch.cuda.is_available():
        return None
    free: int = torch.cuda.mem_get_info()[0]
    return free


def _peak_resident() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
