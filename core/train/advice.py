"""Says of an error that ended a run what it means and what to do, in the user's words."""

import errno
from collections.abc import Iterator

from msgspec import Struct

from core.data.errors import DataError
from core.profile.errors import SettingError
from core.profile.load import ProfileError

BAD_INPUT = 2
FAILURE = 1


class Explanation(Struct, frozen=True):
    cause: str
    advice: str
    exit_code: int = FAILURE


def explain(error: BaseException) -> Explanation:
    """What went wrong, what to do about it, and the exit code: 2 for a bad profile or data, else 1."""
    match error:
        case DataError():
            return Explanation(str(error), "Correct the file, or point data.train at another.", BAD_INPUT)
        case SettingError() | ProfileError():
            return Explanation(str(error), "Change this setting in the profile.", BAD_INPUT)

    # Not needed for the errors above, which may come before anything heavy is loaded.
    import torch
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    for link in _chain(error):
        match link:
            case torch.OutOfMemoryError():
                return Explanation(
                    f"GPU memory ran out: {_first_line(link, sentences=2)}",
                    "Halve train.per_device_batch_size and double train.gradient_accumulation (the global batch "
                    "stays the same), set train.gradient_checkpointing = true, or lower tokens.max_length. If it "
                    "ran out while evaluating, halve eval.per_device_batch_size.",
                )
            case MemoryError():
                return Explanation("the machine's memory ran out", "Lower train.per_device_batch_size or data.limit.")
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
            case OSError(errno=errno.ENOSPC):
                return Explanation(
                    f"no space is left on the disk: {_first_line(link)}",
                    "Free some, then resume the run; the checkpoints that were kept are whole.",
                )
            case OSError() if "huggingface.co" in str(link) or "safetensors" in str(link):
                return Explanation(
                    f"the checkpoint cannot be loaded: {_first_line(link)}",
                    "model.checkpoint must be a Hugging Face id that can be downloaded now or is in the cache, or a "
                    "local folder with config.json and safetensors weights.",
                )
    return Explanation(f"{type(error).__name__}: {_first_line(error)}", "The traceback is in console.log.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the root first: it says most."""
    if (before := error.__cause__ or error.__context__) is not None:
        yield from _chain(before)
    yield error


def _first_line(error: BaseException, sentences: int | None = None) -> str:
    lines = str(error).strip().splitlines()
    return ". ".join(lines[0].split(". ")[:sentences])[:500] if lines else type(error).__name__
