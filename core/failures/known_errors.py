"""What drivers, CUDA and libraries say in words only, and what each means. Their errors have no types of their own."""

from collections.abc import Sequence
from pathlib import Path
from traceback import walk_tb

from msgspec import Struct

from core.cache import CacheFull


class Symptom(Struct, frozen=True):
    """`sign` is a part of the message, in lower case."""

    sign: str
    cause: str
    advice: str


RESUME = "Then resume the run: its checkpoints are whole."
GPU_TESTS = "`arena-tui doctor` tests driver, torch and bitsandbytes on the card."

SYMPTOMS = (
    Symptom(
        "torch not compiled with cuda enabled",
        "this torch is the build for processors only",
        "Install the build of the same torch for CUDA (pytorch.org/get-started names the command), or set "
        "CUDA_VISIBLE_DEVICES= (empty) to train on the processor.",
    ),
    Symptom(
        "driver on your system is too old",
        "the NVIDIA driver is too old for this torch",
        "Update the driver, or install a torch built for an older CUDA; nvidia-smi shows the newest that the driver "
        "supports.",
    ),
    Symptom(
        "driver/library version mismatch",  # NVML's library; where there is none, pynvml in its own words
        "the NVIDIA driver was updated while the old one is still loaded",
        "Reboot the machine.",
    ),
    Symptom(
        "nvml/rm version mismatch",
        "the NVIDIA driver was updated while the old one is still loaded",
        "Reboot the machine.",
    ),
    Symptom(
        "found no nvidia driver",
        "no NVIDIA driver is loaded",
        "Install the driver, or in a container pass the card on (docker run --gpus all); nvidia-smi must list it.",
    ),
    Symptom(
        "unsupported display driver / cuda driver combination",
        "the CUDA libraries and the kernel's driver are of different versions",
        "Remove a second libcuda from LD_LIBRARY_PATH, or reboot after a driver update.",
    ),
    Symptom(
        "system not yet initialized",
        "the fabric manager of this machine's NVSwitch is not running",
        "Start it: systemctl start nvidia-fabricmanager, in the version of the driver.",
    ),
    Symptom(
        "no cuda gpus are available",
        "torch sees no card",
        "Look at CUDA_VISIBLE_DEVICES, and whether nvidia-smi lists the card here.",
    ),
    Symptom(
        "no kernel image is available",
        "this build of torch or bitsandbytes has no kernels for this card",
        "Install a build for its compute capability: a newer one for a newer card, an older one for an old card. "
        + GPU_TESTS,
    ),
    Symptom(
        "cpu-only version of bitsandbytes",
        "this bitsandbytes is the build for processors only",
        "Install its build for CUDA: pip install --force-reinstall bitsandbytes. " + GPU_TESTS,
    ),
    Symptom(
        "runtime libraries were not found in the ld_library_path",
        "bitsandbytes does not find the CUDA libraries it was built for",
        "Install the bitsandbytes that goes with torch's CUDA (pip install -U bitsandbytes), or unset "
        "BNB_CUDA_VERSION. " + GPU_TESTS,
    ),
    Symptom(
        "bitsandbytes native library functionality",
        "bitsandbytes has no binary for torch's version of CUDA",
        "Update it (pip install -U bitsandbytes), unset BNB_CUDA_VERSION, or install a torch built for a CUDA that it "
        "has a binary for. " + GPU_TESTS,
    ),
    Symptom(
        "quantization requires bitsandbytes",
        "bitsandbytes is missing or too old for this transformers",
        "pip install -U bitsandbytes. " + GPU_TESTS,
    ),
    Symptom(
        "failed to find c compiler",
        "Triton, which compiles the packed engine's kernels, finds no C compiler",
        "Install one (apt-get install gcc), name it in CC, or set train.engine to padded. " + GPU_TESTS,
    ),
    Symptom(
        "gpu is lost",
        "the driver has lost the card",
        "`dmesg | grep -i xid` says why; a reboot usually brings it back. " + RESUME,
    ),
    Symptom(
        "uncorrectable ecc error",
        "the card's memory failed (uncorrectable ECC error)",
        "nvidia-smi -q -d ECC counts them; reset the card or take another one. " + RESUME,
    ),
    Symptom(
        "all cuda-capable devices are busy or unavailable",
        "another process has exclusive use of the card",
        "nvidia-smi shows which, and the compute mode: exclusive admits one process.",
    ),
    Symptom(
        "does not recognize this architecture",
        "the transformers that is installed does not know this checkpoint's family",
        "Update it (pip install -U transformers), or choose a checkpoint of a family that it has.",
    ),
    Symptom(
        "surrogates not allowed",
        "a path here is not valid in the locale's encoding",
        "Rename the folder or the file, or set a UTF-8 locale: export LC_ALL=C.UTF-8.",
    ),
    Symptom(
        "illegal memory access",
        "a kernel accessed memory out of bounds on the card",
        "`dmesg | grep -i xid` shows whether the card failed. CUDA_LAUNCH_BLOCKING=1 makes the traceback name the "
        "kernel. " + RESUME,
    ),
    Symptom(
        "unspecified launch failure",
        "a kernel failed on the card",
        "`dmesg | grep -i xid` shows whether the card failed. " + RESUME,
    ),
)


def symptom(message: str) -> Symptom | None:
    """The first whose sign is in `message`."""
    found = message.lower()
    return next((one for one in SYMPTOMS if one.sign in found), None)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether it is the card's memory, or the machine's, that was too small."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and is_out_of_memory(str(error))


def is_out_of_memory(message: str) -> bool:
    """CUDA's and cuBLAS's own failures to get memory, and that of the processor's allocator."""
    signs = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: can't allocate memory")
    return any(sign in message for sign in signs)


def full_cache(chain: Sequence[BaseException]) -> CacheFull | None:
    """Whose cache it is where the disk of one was full: ours, or that of a library which fetches models or rows."""
    if known := next((link for link in chain if isinstance(link, CacheFull)), None):
        return known
    place = next(filter(None, map(_library_cache, chain)), None)
    return CacheFull(place, "HF_HOME") if place else None


def _library_cache(error: BaseException) -> Path | None:
    """Where the library writes in which the error arose, if it is one that has a cache."""
    for frame, _ in walk_tb(error.__traceback__):
        match frame.f_globals["__name__"].partition(".")[0]:
            case "huggingface_hub":
                from huggingface_hub.constants import HF_HUB_CACHE

                return Path(HF_HUB_CACHE)
            case "datasets":
                from datasets.config import HF_DATASETS_CACHE

                return Path(HF_DATASETS_CACHE)
    return None
