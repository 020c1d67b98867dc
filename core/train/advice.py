"""Says of an error that ended a run what it means and what to do, in the user's words."""

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from msgspec import Struct

from core.cache import CACHE_VARIABLE, cache_folder, keep_traceback
from core.data.errors import DataError
from core.profile.changes import Change
from core.profile.errors import SettingError
from core.profile.load import ProfileError, parse_profile
from core.profile.settings import Profile
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.runs.state import RunState, fold
from core.train.symptoms import RESUME, symptom

BAD_INPUT = 2
FAILURE = 1


class Explanation(Struct, frozen=True):
    """`changes` are those settings of the run that may mend it."""

    cause: str
    advice: str
    exit_code: int = FAILURE
    changes: list[Change] = []


class Situation(Struct, frozen=True):
    """What failed, and what its record says so far."""

    profile: Profile
    state: RunState

    @classmethod
    def of(cls, folder: RunFolder) -> Self | None:
        """None where the run's settings cannot be read."""
        try:
            profile = parse_profile(folder.resolved.read_text(encoding="utf-8"), source=str(folder.resolved))
        except (OSError, UnicodeDecodeError, ProfileError):
            return None
        return cls(profile, fold(RunState(), Tail(folder.events).read()))

    @property
    def phase(self) -> str:
        return self.state.phase.phase if self.state.phase else ""


def explain(error: BaseException, situation: Situation | None = None, *, has_log: bool = True) -> Explanation:
    """What went wrong, what to do about it, and the exit code: 2 for a bad profile or data, else 1.

    `has_log` says whether the traceback is in a console.log beside what failed; else it is kept in the cache.
    """
    match error:
        case DataError():
            return Explanation(str(error), "Correct the file, or point data.train at another.", BAD_INPUT)
        case SettingError() | ProfileError():
            return Explanation(str(error), "Change this setting in the profile.", BAD_INPUT)
        case OSError(errno=errno.EACCES | errno.EPERM | errno.EROFS, filename=str() as path):
            return Explanation(f"{path}: {(error.strerror or str(error)).lower()}", _another_place(path))

    # Not needed for the errors above, which may come before anything heavy is loaded.
    import torch
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    from core.train.device import GpuError
    from core.train.divergence import Diverged

    for link in _chain(error):
        match link:
            case Diverged():
                return _diverged(link, situation)
            case torch.OutOfMemoryError():
                return _out_of_memory(f"GPU memory ran out: {_first_line(link, sentences=2)}", situation)
            case MemoryError():
                return _out_of_memory("the machine's memory ran out", situation)
            case RuntimeError() if _is_out_of_memory(str(link)):
                return _out_of_memory(f"memory ran out: {_first_line(link)}", situation)
            case GatedRepoError():
                return Explanation(
                    f"the checkpoint is gated: {_first_line(link)}",
                    "Accept its licence on its Hugging Face page, then run `hf auth login` here.",
                )
            case RepositoryNotFoundError():
                return Explanation(
                    f"no such checkpoint: {_first_line(link)}",
                    "Check the spelling of model.checkpoint; a private one needs `hf auth login`.",
                )
            case HfHubHTTPError() | LocalEntryNotFoundError() | ConnectionError():
                return Explanation(
                    f"the Hugging Face hub cannot be reached: {_first_line(link)}",
                    "Check the network, or point model.checkpoint at a local folder.",
                )
            case _ if _is_full_disk(link):
                return Explanation(
                    f"no space is left on the disk: {_first_line(link)}",
                    "Free some, then resume the run; the checkpoints that were kept are whole.",
                )
            case _ if found := symptom(str(link)):
                return Explanation(f"{found.cause}: {_first_line(link)}", found.advice)
            case GpuError():
                return Explanation(
                    f"there is a card, and torch cannot use it: {_first_line(link)}",
                    "`arena-tui doctor` looks closer. CUDA_VISIBLE_DEVICES= (empty) trains on the processor.",
                )
            case torch.AcceleratorError():
                return Explanation(
                    f"the card reported an error: {_first_line(link)}",
                    f"`dmesg | grep -i xid` tells whether the card failed. {RESUME}",
                )
            case OSError() if "huggingface.co" in str(link) or "safetensors" in str(link):
                return Explanation(
                    f"the checkpoint cannot be loaded: {_first_line(link)}",
                    "model.checkpoint must be a Hugging Face id that can be downloaded now or is in the cache, or a "
                    "local folder with config.json and safetensors weights.",
                )
    return Explanation(f"{type(error).__name__}: {_first_line(error)}", _traceback(error, has_log))


def _another_place(path: str) -> str:
    if Path(path).is_relative_to(cache_folder()):
        return f"The cache is not yours to write to: {CACHE_VARIABLE} names another folder for it."
    return "Change its owner or its mode, or name another place."


def _traceback(error: BaseException, has_log: bool) -> str:
    if has_log:
        return "The traceback is in console.log."
    try:
        return f"The traceback is in {keep_traceback(error)}."
    except OSError as other:
        return f"The traceback could not be kept: {other}"


def _out_of_memory(cause: str, situation: Situation | None) -> Explanation:
    from core.train import device, remedy

    if situation is None:
        return Explanation(cause, "Lower train.per_device_batch_size, and raise gradient_accumulation by as much.")
    profile, started = situation.profile, situation.state.started
    if situation.phase == "evaluating":
        changes = remedy.less_memory_in_evaluation(profile)
        advice = "It ran out while evaluating: score fewer rows at once."
    elif started is None:
        changes = remedy.less_memory_in_loading(profile)
        advice = "It ran out before the first step. " + (
            "Hold the base model in 4 bit." if changes else "Free the card, or choose a smaller base model."
        )
    else:
        changes = remedy.less_memory(profile, started, device.available())
        advice = (
            "Less at once, with the same global batch."
            if changes
            else "No smaller batch, checkpointing or length is enough: free the card, or choose a smaller base model."
        )
    return Explanation(cause, advice + _shorter_rows(changes) + _held_by_others(situation), changes=changes)


def _shorter_rows(changes: Sequence[Change]) -> str:
    if any(change.key == "tokens.max_length" for change in changes):
        return " A lower tokens.max_length cuts more of the rows: it changes what is trained."
    return ""


def _held_by_others(situation: Situation) -> str:
    """How much of the card this run could not have, where that is a tenth of it or more."""
    from core.train import device

    started, available = situation.state.started, device.available()
    if started is None or available is None or started.device.memory - available < started.device.memory / 10:
        return ""
    return f" Other processes hold {(started.device.memory - available) / 2**30:.1f} GiB of the card."


def _diverged(error: BaseException, situation: Situation | None) -> Explanation:
    import torch

    from core.train import remedy

    changes: list[Change] = []
    if situation and situation.state.started:
        has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        changes = remedy.steadier(situation.profile, situation.state.started.precision, has_bf16=has_bf16)
    advice = "Train more steadily: bfloat16 in place of float16 where the card has it, else half the learning rate."
    return Explanation(str(error), f"{advice} train.divergence_patience says when a run is given up.", changes=changes)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether it is the card's memory, or the machine's, that was too small."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _is_out_of_memory(str(error))


def _is_out_of_memory(message: str) -> bool:
    """CUDA's and cuBLAS's own failures to get memory, and that of the processor's allocator."""
    signs = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: can't allocate memory")
    return any(sign in message for sign in signs)


def _is_full_disk(error: BaseException) -> bool:
    """Also where it is told in words: by safetensors, and by torch's writer of archives."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(sign in str(error) for sign in ("(os error 28)", "inline_container.cc", "PytorchStreamWriter failed"))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the root first: it says most."""
    if (before := error.__cause__ or error.__context__) is not None:
        yield from _chain(before)
    yield error


def _first_line(error: BaseException, sentences: int | None = None) -> str:
    lines = str(error).strip().splitlines()
    return ". ".join(lines[0].split(". ")[:sentences])[:500] if lines else type(error).__name__
