"""Going on with a run that ended early in the same folder, and trying a failed one again with other settings."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from core.profile.edit import set_value
from core.profile.files import read_profile, rooted
from core.profile.load import Change, changes, parse_profile, to_toml
from core.profile.settings import Profile
from core.runs.access import read_whole, write_whole
from core.runs.average import is_average
from core.runs.checkpoints import checkpoints
from core.runs.events import Failed, Finished, Started
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive
from core.runs.lock import locked
from core.runs.metrics import read_metrics
from core.runs.queue import queue_of
from core.runs.record import Record, Tail
from core.runs.state import RunState, fold, read_run

MAY_CHANGE = frozenset(
    {
        "data.test",
        "eval.per_device_batch_size",
        "run.gpus",
        "run.nodes",
        "run.report_to",
        "train.engine",
        "train.gradient_checkpointing",
        "train.keep_checkpoints",
        "train.log_steps",
        "train.memory",
        "train.save_steps",
    }
)
"""Settings that change neither what is trained nor what is measured. Any other would make the run's curve a lie."""
BATCH = frozenset({"train.per_device_batch_size", "train.gradient_accumulation"})
"""Harmless together, as long as their product stays: the global batch."""
PLACES = frozenset({"data.train", "data.eval", "distill.teachers", "model.checkpoint"})
"""May have moved: the run itself makes sure that it finds there what it was started with."""


class CannotResume(Exception):
    """The message says why, and the way out."""


def add_due_end(folder: RunFolder) -> bool:
    """Write the last event of a run that completed, and was killed before it could: the folder tells it. False where
    there is none to write. Raises OSError."""
    with locked(folder.lock) as is_ours:
        if not is_ours or is_run_alive(folder) or fold(RunState(), Tail(folder.events).read()).last:
            return False
        end = folder.due_end()
        if end is None:
            return False
        with Record(folder.events) as record:
            record.write(end)
    return True


def prepare(folder: RunFolder, overrides: tuple[str, ...] = ()) -> None:
    """Make `folder` ready for a process that goes on with it, its settings changed by `overrides`.

    Raises CannotResume, naming the keys where settings are not to be changed; ProfileError for bad ones; OSError.
    """
    if read_metrics(folder.metrics) and isinstance(read_run(folder)[0].last, Finished):
        raise CannotResume(f"{folder.id} has finished: there is nothing left to train. Start a new run instead.")
    if is_average(folder.path):
        raise CannotResume(_not_trained(folder))
    if place := queue_of(folder).place(folder):
        raise CannotResume(f"{folder.id} has not started: it waits in the queue, at place {place}.")
    match is_run_alive(folder):
        case True:
            raise CannotResume(f"{folder.id} is still running; stop it first with arena-tui stop.")
        case None:
            raise CannotResume(
                f"{folder.id} was started elsewhere, or just now: whether it is running is not known here."
            )
    before = folder.read_profile()
    after = changed(before, overrides, source=str(folder.resolved))
    if refused := unfit(before, after):
        raise CannotResume(
            "a resumed run keeps its settings, or its curve would be that of two runs; start a new run for "
            + "; ".join(map(str, refused))
        )
    if _has_moved(before, after) and not _can_tell_its_own(folder):
        raise CannotResume(
            f"{folder.id} was started by a version that did not record digests of its rows and base: it cannot "
            "recognize them elsewhere. Move them back to where they were."
        )
    if (text := to_toml(after).encode()) != read_whole(folder.resolved):
        write_whole(folder.resolved, text)


def changed(before: Profile, overrides: Sequence[str], *, source: str) -> Profile:
    """The settings of a run with `overrides`, whose paths are meant from our working directory. Raises ProfileError."""
    return rooted(parse_profile(to_toml(before), source=source, overrides=overrides), Path.cwd())


def unfit(before: Profile, after: Profile) -> list[Change]:
    """The changes with which a run cannot go on."""
    harmless = MAY_CHANGE | PLACES | (BATCH if before.global_batch == after.global_batch else frozenset())
    return [change for change in changes(before, after) if change.key not in harmless]


def _not_trained(folder: RunFolder) -> str:
    return f"{folder.id} is an average, which is not trained: arena-tui average makes another."


def _has_moved(before: Profile, after: Profile) -> bool:
    return any(change.key in PLACES for change in changes(before, after))


def _can_tell_its_own(folder: RunFolder) -> bool:
    """Whether the record tells rows and base from others, or nothing was trained yet."""
    started = [event for event in Tail(folder.events).read() if isinstance(event, Started)]
    return not started or bool(started[-1].digest_train and started[-1].digest_base)


class CannotRetry(Exception):
    """The message says why, and the way out."""


class Retry(Struct, frozen=True):
    """`text` is the run's profile with the new values in it, comments and all; `profile` its settings."""

    text: str
    profile: Profile
    changes: list[Change]
    """From the settings of the failed run, its overrides included."""
    goes_on: bool
    """Whether the run itself can go on with these settings, so that nothing of it is trained again."""

    @property
    def overrides(self) -> tuple[str, ...]:
        return tuple(change.override for change in self.changes)


def prepare_retry(folder: RunFolder, overrides: Sequence[str] = ()) -> Retry:
    """What is proposed for the run, and `overrides` on top of it.

    Raises CannotRetry where the run goes on or nothing is to be changed; ProfileError for bad settings; OSError.
    """
    state, status = read_run(folder)
    if not status.is_over:
        raise CannotRetry(f"{folder.id} is not over; stop it first with arena-tui stop.")
    proposed = state.last.changes if isinstance(state.last, Failed) else []
    if is_average(folder.path):
        raise CannotRetry(_not_trained(folder))
    before = folder.read_profile()
    chosen = [*(change.override for change in proposed), *overrides]
    after = changed(before, chosen, source=str(folder.resolved))
    differences = changes(before, after)
    if not differences:
        raise CannotRetry(
            f"no other settings are proposed for {folder.id}; --set section.key=value chooses some, and arena-tui "
            "resume continues with the same."
        )
    text = read_profile(folder.profile, read_whole).text
    own = rooted(parse_profile(text, source=str(folder.profile)), Path.cwd())  # as the new run will read it
    for change in changes(own, after):
        text = set_value(text, change.key, change.new)
    has_checkpoint = any(kept.problem is None for kept in checkpoints(folder.checkpoints))
    is_another = bool(unfit(before, after)) or any(change.key in PLACES for change in differences)
    return Retry(
        text, after, differences, goes_on=has_checkpoint and not is_another and read_metrics(folder.metrics) is None
    )
