"""Going on with a run that ended early: in the same folder, with the same settings but for harmless ones."""

from core.files import write_whole
from core.profile.changes import changes
from core.profile.load import parse_profile, to_toml
from core.runs.alive import is_run_alive
from core.runs.folder import RunFolder
from core.runs.process import TRAIN
from core.runs.queue import queue_of

RESUME = (*TRAIN, "--resume")

MAY_CHANGE = frozenset(
    {
        "data.test",
        "eval.per_device_batch_size",
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


class CannotResume(Exception):
    """The message says why, and the way out."""


def prepare(folder: RunFolder, overrides: tuple[str, ...] = ()) -> None:
    """Make `folder` ready for `launch(folder, RESUME)`, its settings changed by `overrides`.

    Raises CannotResume, naming the keys where settings are not to be changed; ProfileError for bad ones; OSError.
    """
    if folder.metrics.exists():
        raise CannotResume(f"{folder.id} has finished: there is nothing left to train. Start a new run instead.")
    if place := queue_of(folder).place(folder):
        raise CannotResume(f"{folder.id} has not begun: it waits in the queue, at place {place}.")
    match is_run_alive(folder):
        case True:
            raise CannotResume(f"{folder.id} is still running; arena-tui stop ends it first.")
        case None:
            raise CannotResume(f"{folder.id} was started elsewhere, or just now: whether it runs is not known here.")
    text = folder.resolved.read_text(encoding="utf-8")
    before = parse_profile(text, source=str(folder.resolved))
    after = parse_profile(text, source=str(folder.resolved), overrides=overrides)
    refused = [str(change) for change in changes(before, after) if change.key not in MAY_CHANGE]
    if refused:
        raise CannotResume(
            "a resumed run keeps its settings, or its curve would be that of two runs; start a new run for "
            + "; ".join(refused)
        )
    if after != before:
        write_whole(folder.resolved, to_toml(after).encode())
