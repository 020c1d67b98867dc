"""What a failure says to the user: cause, advice and exit code, found through whatever wrapped it."""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pynvml
import pytest
import torch
from bitsandbytes.cextension import BNBNativeLibrary, ErrorHandlerMockBNBNativeLibrary
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.utils import hf_raise_for_status
from safetensors import SafetensorError

from core.cache import CACHE_VARIABLE
from core.data.example import DataError
from core.engine.device import GpuError, cuda_error
from core.failures.explain import Situation, explain
from core.model.locate import locate
from core.profile import settings
from core.profile.errors import SettingError
from core.runs.folder import RunFolder


def hub_error(kind: type[Exception], message: str) -> Exception:
    """An error of the hub without the HTTP response it is made from."""
    error = kind.__new__(kind)
    error.args = (message,)
    return error


OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 9.5 GiB. GPU 0 has a total capacity of 15 GiB of which 1 is free"


@pytest.mark.parametrize(
    ("error", "cause", "advice", "code"),
    [
        (DataError("a.csv, line 3: bad"), "a.csv, line 3: bad", "Correct the file", 2),
        (SettingError("lora.r", 3, "too small"), "lora.r = 3: too small", "Change this setting", 2),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.5 GiB. GPU 0 has"),
            "allocate 9.5 GiB",
            "per_device_batch_size",
            1,
        ),
        (MemoryError(), "the machine's memory ran out", "per_device_batch_size", 1),
        (OSError(errno.ENOSPC, "No space left on device"), "no space is left", "resume the run", 1),
        (hub_error(GatedRepoError, "403 Client Error"), "gated", "Accept its licence", 1),
        (hub_error(RepositoryNotFoundError, "404"), "no such checkpoint", "spelling", 2),
        (ConnectionError("refused"), "cannot be reached", "local folder", 1),
        (RuntimeError("cuBLAS\nlong story"), "RuntimeError: cuBLAS", "console.log", 1),
        (RuntimeError(), "RuntimeError: RuntimeError", "console.log", 1),
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/a"), "/a: no such file or directory", ".log", 1),
        (RuntimeError("Failed to find C compiler. Please specify via CC"), "no C compiler", "padded", 1),
    ],
)
def test_cause_and_advice(error: Exception, cause: str, advice: str, code: int) -> None:
    why = explain(error)
    assert cause in why.cause
    assert advice in why.advice
    assert "[Errno" not in why.cause
    assert why.exit_code == code


def test_where_there_is_no_log_the_traceback_is_kept_in_a_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    try:
        raise RuntimeError("never seen before \ud800")
    except RuntimeError as error:
        advice = explain(error, has_log=False).advice
    kept = tmp_path / "cache" / "traceback.txt"
    assert str(kept) in advice
    assert "raise RuntimeError" in kept.read_text()
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    assert "could not be kept" in explain(RuntimeError("again"), has_log=False).advice


def test_a_folder_of_gguf_says_which_setting_reads_it(tmp_path: Path) -> None:
    (tmp_path / "small-q4.gguf").touch()
    with pytest.raises(SettingError, match=r'model\.gguf_file = "small-q4\.gguf"'):
        locate(settings.Model(checkpoint=str(tmp_path)))


def test_the_root_of_a_chain_says_most() -> None:
    try:
        try:
            raise hub_error(GatedRepoError, "403 Client Error")
        except GatedRepoError as gated:
            raise OSError("You are trying to access a gated repo.") from gated
    except OSError as error:
        assert "gated" in explain(error).cause
        assert "hf auth login" in explain(error).advice


@pytest.mark.parametrize("checkpoint", ["/nowhere/at/all", "./here", "../up", "a/b/c", "~/models/x"])
def test_a_path_to_nothing_is_not_looked_for_on_the_hub(checkpoint: str) -> None:
    with pytest.raises(SettingError, match="there is no such folder"):
        locate(settings.Model(checkpoint=checkpoint))


def test_a_hub_id_and_a_folder_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(settings.Model(checkpoint="google/gemma-2-9b-it")) == "google/gemma-2-9b-it"
    (tmp_path / "google" / "gemma-2-9b-it").mkdir(parents=True)
    (tmp_path / "google" / "gemma-2-9b-it" / "config.json").write_text('{"model_type": "gemma2"}')
    assert locate(settings.Model(checkpoint="google/gemma-2-9b-it")) == str(tmp_path / "google" / "gemma-2-9b-it")


def test_a_gguf_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"model.gguf_file = 'absent.gguf': there is no file"):
        locate(settings.Model(checkpoint=str(tmp_path), gguf_file="absent.gguf"))


def raised(action: object) -> Exception:
    """What `action` raises, chained as it is raised."""
    try:
        action()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001  (whatever the library raises)
        return error
    raise AssertionError("nothing was raised")


def refused_by_the_hub() -> None:
    """The hub's own answer for a gated model, as the client turns it into an error."""
    request = httpx2.Request("GET", "https://huggingface.co/google/gemma-2-9b-it/resolve/main/config.json")
    answer = httpx2.Response(403, headers={"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"}, request=request)
    hf_raise_for_status(answer)


def full() -> None:
    assert Path("/dev/full").is_char_device(), "or a file of that name would be written"
    torch.save({"weights": torch.zeros(300_000)}, "/dev/full")


NATIVE = ErrorHandlerMockBNBNativeLibrary("No compatible CUDA binary found at /x/libbitsandbytes_cuda999.so")
NO_RUNTIME = ErrorHandlerMockBNBNativeLibrary("libcudart.so.13: cannot open shared object file: No such file")
TOO_OLD = RuntimeError(
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading "
    "and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx"
)


@pytest.mark.parametrize(
    ("error", "cause", "advice"),
    [
        (
            lambda: raised(refused_by_the_hub),
            "google/gemma-2-9b-it is gated",
            "hf auth login",
        ),
        (lambda: raised(full), "no space is left on the disk", "resume the run"),
        (lambda: OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "no space is left on the disk", "resume the run"),
        (
            lambda: SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
            "no space is left on the disk",
            "resume the run",
        ),
        (
            lambda: SafetensorError("Error while serializing: I/O error: Disk quota exceeded (os error 122)"),
            "no space is left on the disk",
            "resume the run",
        ),
        (
            lambda: raised(NATIVE.cquantize_blockwise),
            "bitsandbytes has no binary for torch's",
            "pip install -U bitsand",
        ),
        (
            lambda: raised(NO_RUNTIME.cget_managed_ptr),
            "does not find the CUDA libraries",
            "pip install -U bitsandbytes",
        ),
        (
            lambda: raised(BNBNativeLibrary(ctypes.CDLL(None)).cdequantize_blockwise_bf16_nf4),
            "bitsandbytes is the build for processors only",
            "pip install --force-reinstall bitsandbytes",
        ),
        (lambda: TOO_OLD, "the NVIDIA driver is too old", "Update the driver"),
        (lambda: GpuError(str(TOO_OLD)), "the NVIDIA driver is too old", "Update the driver"),
        (lambda: GpuError(str(pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH))), "was updated", "Reboot"),
        (lambda: GpuError(str(pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST))), "has lost the card", "dmesg"),
        (lambda: GpuError("Error 999: unknown"), "torch cannot use it", "arena-tui doctor"),
        (
            lambda: torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nCompile with"),
            "a kernel accessed memory out of bounds",
            "dmesg | grep -i xid",
        ),
        (
            lambda: torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"),
            "uncorrectable ECC error",
            "resume the run",
        ),
        (lambda: torch.AcceleratorError("CUDA error: unknown error"), "the card reported an error", "resume the run"),
        (
            lambda: torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device"),
            "no kernels for this card",
            "compute capability",
        ),
        (lambda: torch.AcceleratorError("CUDA error: out of memory"), "memory ran out", "per_device_batch_size"),
        (lambda: raised(lambda: torch.empty(1 << 50)), "memory ran out", "per_device_batch_size"),
    ],
)
def test_what_libraries_themselves_say_is_known(error: object, cause: str, advice: str) -> None:
    why = explain(error())  # type: ignore[operator]
    assert cause in why.cause
    assert advice in why.advice
    assert why.exit_code == 1


@pytest.mark.slow
def test_a_torch_for_processors_says_what_to_install() -> None:
    """This is what a machine with a card is told where torch was installed without CUDA."""
    code = (
        "from core.engine.device import cuda_error, GpuError; from core.failures.explain import explain; "
        "import torch; torch.version.cuda = None; print(explain(GpuError(cuda_error())))"
    )
    if torch.version.cuda is not None:
        assert cuda_error() is None or "CUDA" in str(cuda_error())
        return
    told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert "build for processors only" in told
    assert "CUDA_VISIBLE_DEVICES=" in told


def test_a_run_whose_settings_cannot_be_read_is_explained_all_the_same(tmp_path: Path) -> None:
    assert Situation.of(RunFolder(tmp_path / "gone")) is None
    assert "GPU memory ran out" in explain(torch.OutOfMemoryError(OUT_OF_MEMORY), None).cause


def test_an_archive_that_cannot_be_read_is_no_full_disk(tmp_path: Path) -> None:
    """torch says both from the same file of its source."""
    torch.save({"a": torch.ones(3)}, tmp_path / "whole.pt")
    (tmp_path / "half.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:400])
    error = raised(lambda: torch.load(tmp_path / "half.pt"))
    assert "PytorchStreamReader" in str(error)
    assert "no space" not in explain(error).cause
