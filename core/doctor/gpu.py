"""The card and what must agree on it: driver, torch's CUDA, bitsandbytes. A laptop without one is no error."""

import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pynvml
import torch

from core.doctor.protocol import Check
from core.engine import device
from core.failures.known_errors import symptom
from core.machine.visible import GPU_VARIABLE

NVIDIA = "0x10de"
DISPLAY = "0x03"
NO_CARD = "Runs use the processor: enough for the demo."
TOLERANCE = 0.2
"""NF4 of normally distributed weights errs by about a tenth."""


def driver(root: Path = Path("/")) -> Check:
    """Whether NVIDIA's driver answers, and which cards it has."""
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded) as error:
        if cards := _cards_on_bus(root):
            advice = "Install NVIDIA's driver, or in a container pass the card on: docker run --gpus all."
            return Check("driver", "problem", f"{cards} NVIDIA card{'s' * (cards > 1)}, and no driver: {error}", advice)
        return Check("driver", "note", "no NVIDIA card", NO_CARD)
    except pynvml.NVMLError as error:
        known = symptom(str(error))
        return Check("driver", "problem", str(error), known.advice if known else "nvidia-smi shows more.")
    try:
        version = str(pynvml.nvmlSystemGetDriverVersion())
        number = int(pynvml.nvmlSystemGetCudaDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        cards_found = ", ".join(
            f"{pynvml.nvmlDeviceGetName(handle)} ({pynvml.nvmlDeviceGetMemoryInfo(handle).free / 2**30:.1f} of "
            f"{pynvml.nvmlDeviceGetMemoryInfo(handle).total / 2**30:.1f} GiB free)"
            for handle in handles
        )
    except pynvml.NVMLError as error:
        return Check("driver", "problem", str(error), "`dmesg | grep -i xid` may say why; a reboot usually fixes it.")
    finally:
        pynvml.nvmlShutdown()
    found = f"{version}, up to CUDA {number // 1000}.{number % 1000 // 10}; {cards_found or 'no card'}"
    return Check("driver", "ok", found)


def cuda(driver_found: Check) -> Check:
    """Whether torch can use the card that a run started here would take. Hides the others from this process."""
    built = f"torch {torch.__version__}, " + (f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA")
    if driver_found.verdict == "note":
        return Check("CUDA", "note", built, NO_CARD)
    try:
        chosen = device.use_one_gpu()
    except device.GpuError as missing:
        return Check("CUDA", "problem", f"{built}; {missing}", f"Correct {GPU_VARIABLE}, or unset it.")
    if not os.environ[GPU_VARIABLE]:
        return Check("CUDA", "note", f"{built}; {GPU_VARIABLE} hides the cards", "Unset it to use them.")
    if (error := device.cuda_error()) is not None:
        known = symptom(error)
        advice = known.advice if known else "`nvidia-smi` must list the card, and torch be built for its driver."
        return Check("CUDA", "problem", f"{built}: {error.splitlines()[0]}", advice)
    try:
        ones = torch.ones(256, 256, device="cuda")
        total = float((ones @ ones).sum())
    except RuntimeError as failed:
        return _failed("CUDA", failed)
    if total != 256.0**3:
        return Check(
            "CUDA", "problem", f"{built}: a matrix product of ones gave a wrong result", "Do not trust this card."
        )
    name, memory = torch.cuda.get_device_name(), torch.cuda.mem_get_info()
    bf16 = "bf16" if device.best_precision() == "bf16" else "fp16 only"
    return Check("CUDA", "ok", f"{built}; {name}, {bf16}, {memory[0] / 2**30:.1f} GiB free", chosen or "")


def bitsandbytes(cuda_found: Check) -> Check:
    """A product with weights in 4 bit, on the card, or on the processor where that is what a run would take."""
    where = "cuda" if cuda_found.verdict == "ok" else "cpu"
    name = "4-bit product"
    try:
        import bitsandbytes as bnb
        from bitsandbytes.functional import QuantState

        generator = torch.Generator().manual_seed(1)
        weights = torch.randn(128, 256, generator=generator).to(where)
        inputs = torch.randn(4, 256, generator=generator).to(where)
        packed, state = bnb.functional.quantize_4bit(weights, quant_type="nf4", compress_statistics=True)
        assert isinstance(state, QuantState)
        product = bnb.matmul_4bit(inputs, packed.t(), quant_state=state)
        error = float((product - inputs @ weights.t()).norm() / (inputs @ weights.t()).norm())
    except (RuntimeError, ImportError, AttributeError, OSError) as failed:
        return _failed(name, failed)
    found = f"bitsandbytes {bnb.__version__} on {where}, error {error:.1%}"
    if not error < TOLERANCE:
        return Check(name, "problem", found, "Its results are wrong here: pip install --force-reinstall bitsandbytes.")
    return Check(name, "ok" if where == "cuda" else "note", found, "" if where == "cuda" else "Not tried on a card.")


def compiler(headers: Path) -> Check:
    """What Triton builds with before it starts a kernel: $CC, gcc or clang, and Python's `headers`."""
    found = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    without = 'or train.engine = "padded", which does not need Triton.'
    if found is None:
        return Check("C compiler", "problem", "none, which Triton needs", f"apt-get install gcc, {without}")
    if not (headers / "Python.h").is_file():
        told = f"{found}, but no Python.h in {headers}, which Triton needs"
        return Check(
            "C compiler", "problem", told, f"Install Python's headers (apt-get install python3-dev), {without}"
        )
    return Check("C compiler", "ok", found)


def checks() -> Iterator[Check]:
    """Driver, CUDA and what computes on the card, each given what the one before has found."""
    yield (driver_found := driver())
    yield (cuda_found := cuda(driver_found))
    if cuda_found.verdict != "problem":
        yield bitsandbytes(cuda_found)
    if cuda_found.verdict == "ok":
        yield compiler(Path(sysconfig.get_path("include")))


def _failed(name: str, error: Exception) -> Check:
    known = symptom(str(error))
    told = (str(error).strip().splitlines() or [type(error).__name__])[0]
    found = f"{known.cause}: {told}" if known else told
    return Check(name, "problem", found, known.advice if known else "`python -m bitsandbytes` may say more.")


def _cards_on_bus(root: Path) -> int:
    """NVIDIA's display controllers that the kernel sees, driver or not."""
    found = 0
    for device_folder in (root / "sys/bus/pci/devices").glob("*"):
        try:
            vendor = (device_folder / "vendor").read_text().strip()
            kind = (device_folder / "class").read_text().strip()
        except OSError:
            continue
        found += vendor == NVIDIA and kind.startswith(DISPLAY)
    return found
