"""Errors that end a prediction, in the user's words, and that of an adapter which is not as it was sealed."""

from pathlib import Path

from core.cache import CacheFull, is_full_disk
from core.data.example import DataError
from core.profile.errors import SettingError
from core.runs.access import demand_plain
from core.runs.events import Failed
from core.runs.seal import MANIFEST, flaw
from core.runs.trash import StillInUse

BAD_INPUT = 2


class PredictionError(Exception):
    """`cause` and `advice` are for the user, as in a record's Failed event."""

    def __init__(self, cause: str, advice: str, exit_code: int = 1) -> None:
        super().__init__(cause)
        self.cause = cause
        self.advice = advice
        self.exit_code = exit_code


def in_words(error: Exception) -> PredictionError:
    """What went wrong, what to do about it, and the exit code: 2 for bad input, else 1."""
    match error:
        case PredictionError():
            return error
        case CacheFull():
            return PredictionError(error.cause, error.advice)
        case OSError() if is_full_disk(error):
            return PredictionError(
                f"no space is left on the disk{f': {error.filename}' if error.filename else ''}",
                "Free some space; scored rows are kept, and the same command resumes.",
            )
        case StillInUse():
            return PredictionError(str(error), "Try again once that is over.")
        case DataError():
            return PredictionError(str(error), "Correct the file, or choose another.", BAD_INPUT)
        case SettingError() if error.key.startswith("model."):
            return PredictionError(str(error), "The run's base is needed as it was when the run began.", BAD_INPUT)
        case SettingError():
            return PredictionError(
                str(error), "--max-length and --truncation replace a run's limit and strategy.", BAD_INPUT
            )

    from core.failures.explain import explain
    from core.failures.known_errors import ran_out_of_memory

    why = explain(error)
    if ran_out_of_memory(error):  # not while predicting: a batch is halved then
        return PredictionError(why.cause, "The model alone does not fit into free memory; scored rows are kept.")
    return PredictionError(why.cause, why.advice, why.exit_code)


def last_event(error: Exception) -> Failed:
    """The same as the last event of a record."""
    why = in_words(error)
    return Failed(cause=why.cause, advice=why.advice, exit_code=why.exit_code)


def demand_whole(adapter: Path) -> None:
    """Raises PredictionError where a file of the adapter is not as it was sealed, or is a link or the like. One
    without a manifest, of an older version, is taken as it is."""
    try:
        demand_plain(adapter)
    except OSError as error:
        raise PredictionError(f"{error.filename}: {error.strerror}", "It was not read.", BAD_INPUT) from None
    if (adapter / MANIFEST).exists() and (problem := flaw(adapter, content=True)):
        raise PredictionError(
            f"{adapter.parent.name}/{problem}",
            "It was damaged since; --checkpoint takes one of the run's checkpoints, or restore it from a copy.",
        )


def unchecked(adapter: Path) -> str:
    """What is to be said of an adapter that has no checksums."""
    return f"{adapter} is of an older version and has no checksums: it cannot be checked for changes"
