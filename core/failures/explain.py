"""Says of an error that ended a run what it means and what to do, in the user's words."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from msgspec import Struct

from core.cache import CACHE_VARIABLE, cache_folder, is_full_disk, keep_traceback, links
from core.data.example import DataError
from core.failures.explanation import BAD_INPUT, Explanation
from core.failures.known_errors import RESUME, full_cache, is_out_of_memory, symptom
from core.files import in_words
from core.profile.errors import ProfileError, SettingError
from core.profile.load import Change
from core.profile.settings import Profile
from core.runs.events import Resumed
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.runs.state import RunState, fold
from core.runs.stop_request import HomeLost, HomeMoved


class Situation(Struct, frozen=True):
    """What failed, and what its record says so far."""

    profile: Profile
    state: RunState
    is_resumed: bool = False
    """Whether this process goes on with what another has begun."""

    @classmethod
    def of(cls, folder: RunFolder) -> Self | None:
        """None where the run's settings cannot be read."""
        try:
            profile = folder.read_profile()
        except ProfileError:
            return None
        known = Tail(folder.events).read()
        return cls(profile, fold(RunState(), known), any(isinstance(event, Resumed) for event in known))

    @property
    def phase(self) -> str:
        return self.state.phase.phase if self.state.phase else ""


_NOT_MOVED = "What was not yet saved is lost. Do not move the folder of a run until the run has ended."


def explain(error: BaseException, situation: Situation | None = None, *, has_log: bool = True) -> Explanation:
    """What went wrong, what to do about it, and the exit code: 2 for a bad profile or data, else 1.

    `has_log` says whether the traceback is in a console.log beside what failed; else it is kept in the cache.
    """
    is_resumed = situation is not None and situation.is_resumed
    match error:
        case DataError() if is_resumed:
            asked = situation.profile if situation else Profile()
            keys = ["data.train", *["data.eval"] * bool(asked.data.eval)]
            keys += ["distill.teachers"] * bool(asked.distill.teachers)
            return Explanation(str(error), f"Restore the rows. {_moved(*keys)}", BAD_INPUT)
        case DataError():
            return Explanation(str(error), "Correct the file, or name another in [data].", BAD_INPUT)
        case SettingError(key="model.checkpoint") if is_resumed:
            return Explanation(str(error), f"Restore the base. {_moved('model.checkpoint')}", BAD_INPUT)
        case HomeMoved() | HomeLost():
            kept = "arena-tui resume continues with it there." if isinstance(error, HomeMoved) else _NOT_MOVED
            return Explanation(str(error), kept)
        case SettingError() | ProfileError():
            return Explanation(str(error), "Change this setting in the profile.", BAD_INPUT)
        case OSError(errno=errno.EACCES | errno.EPERM | errno.EROFS, filename=str() as path):
            return Explanation(f"{path}: {(error.strerror or str(error)).lower()}", _another_place(path))

    # Not needed for the errors above, which may come before anything heavy is loaded.
    import torch

    from core.engine.device import GpuError
    from core.engine.steps import Diverged
    from core.failures import hub

    chain = list(links(error))
    if full := _full_disk(chain):
        return full
    for link in chain:
        match link:
            case Diverged():
                return _diverged(link, situation)
            case torch.OutOfMemoryError():
                return _out_of_memory(f"GPU memory ran out: {_first_line(link, sentences=2)}", situation)
            case MemoryError():
                return _out_of_memory("the machine's memory ran out", situation)
            case RuntimeError() if is_out_of_memory(str(link)):
                return _out_of_memory(f"memory ran out: {_first_line(link)}", situation)
    if refused := hub.refused(chain):  # transformers' own words for it stand before the hub's, and say less
        return refused
    for link in chain:
        match link:
            case _ if found := symptom(str(link)):
                return Explanation(f"{found.cause}: {_first_line(link)}", found.advice)
            case GpuError():
                return Explanation(
                    f"there is a card, and torch cannot use it: {_first_line(link)}",
                    "`arena-tui doctor` checks further. CUDA_VISIBLE_DEVICES= (empty) trains on the processor.",
                )
            case torch.AcceleratorError():
                return Explanation(
                    f"the card reported an error: {_first_line(link)}",
                    f"`dmesg | grep -i xid` shows whether the card failed. {RESUME}",
                )
            case OSError() if "huggingface.co" in str(link) or "safetensors" in str(link):
                return Explanation(
                    f"the checkpoint cannot be loaded: {_first_line(link)}",
                    "model.checkpoint must be a Hugging Face id that can be downloaded now or is in the cache, or a "
                    "local folder with config.json and safetensors weights.",
                )
    of_the_system = isinstance(error, OSError) and error.strerror
    cause = _first_line(error) if of_the_system else f"{type(error).__name__}: {_first_line(error)}"
    return Explanation(cause, _traceback(error, has_log))


def _moved(*keys: str) -> str:
    named = " ".join(f"--set {key}=PATH" for key in keys)
    return f"Where it has moved, `arena-tui resume {named}` continues with it there."


def _another_place(path: str) -> str:
    if Path(path).is_relative_to(cache_folder()):
        return f"You cannot write to the cache: set {CACHE_VARIABLE} to another folder."
    return "Change its owner or its mode, or name another place."


def _traceback(error: BaseException, has_log: bool) -> str:
    if has_log:
        return "The traceback is in console.log."
    try:
        return f"The traceback is in {keep_traceback(error)}."
    except OSError as other:
        return f"The traceback could not be kept: {in_words(other)}"


def _out_of_memory(cause: str, situation: Situation | None) -> Explanation:
    from core.engine import device
    from core.failures import remedies

    if situation is None:
        return Explanation(cause, "Lower train.per_device_batch_size, and raise gradient_accumulation by as much.")
    profile, started = situation.profile, situation.state.started
    if situation.phase == "evaluating":
        changes = remedies.less_memory_in_evaluation(profile)
        advice = "It ran out while evaluating: score fewer rows at once."
    elif started is None:
        changes = remedies.less_memory_in_loading(profile)
        advice = "It ran out before the first step. " + (
            "Load the base model in 4 bit." if changes else "Free the card, or choose a smaller base model."
        )
    else:
        changes = remedies.less_memory(profile, started, device.available())
        advice = (
            "Compute fewer rows at once, with the same global batch."
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
    from core.engine import device

    started, available = situation.state.started, device.available()
    if started is None or available is None or started.device.memory - available < started.device.memory / 10:
        return ""
    return f" Other processes hold {(started.device.memory - available) / 2**30:.1f} GiB of the card."


def _diverged(error: BaseException, situation: Situation | None) -> Explanation:
    from core.engine import device
    from core.failures import remedies

    changes: list[Change] = []
    if situation and situation.state.started:
        has_bf16 = device.best_precision() == "bf16"
        changes = remedies.steadier(situation.profile, situation.state.started.precision, has_bf16=has_bf16)
    advice = "Make training more stable: bfloat16 for float16 where the card supports it, else half the learning rate."
    return Explanation(str(error), f"{advice} train.divergence_patience says when a run is given up.", changes=changes)


def _full_disk(chain: Sequence[BaseException]) -> Explanation | None:
    full = next((link for link in chain if is_full_disk(link)), None)
    if full is None:
        return None
    if cache := full_cache(chain):
        return Explanation(cache.cause, cache.advice)
    return Explanation(
        f"no space is left on the disk: {_first_line(full)}",
        "Free some, then resume the run; the checkpoints that were kept are whole.",
    )


def _first_line(error: BaseException, sentences: int | None = None) -> str:
    lines = in_words(error).strip().splitlines()
    return ". ".join(lines[0].split(". ")[:sentences])[:500] if lines else type(error).__name__
