"""Trying a failed run once more: its own profile, with the settings changed that its record proposes."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from core.profile.changes import Change, changes
from core.profile.edit import set_value
from core.profile.files import read_profile
from core.profile.load import parse_profile
from core.profile.paths import rooted
from core.profile.settings import Profile
from core.runs.checkpoints import checkpoints
from core.runs.events import Failed
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.resume import PLACES, changed, unfit
from core.runs.settings import read_settings
from core.runs.state import read_run


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


def prepare_retry(folder: RunFolder, overrides: Sequence[str] = ()) -> Retry:
    """What is proposed for the run, and `overrides` on top of it.

    Raises CannotRetry where the run goes on or nothing is to be changed; ProfileError for bad settings; OSError.
    """
    state, status = read_run(folder)
    if not status.is_over:
        raise CannotRetry(f"{folder.id} is not over; arena-tui stop ends it first.")
    proposed = state.last.changes if isinstance(state.last, Failed) else []
    before = read_settings(folder)
    chosen = [*(change.override for change in proposed), *overrides]
    after = changed(before, chosen, source=str(folder.resolved))
    differences = changes(before, after)
    if not differences:
        raise CannotRetry(
            f"no other settings are proposed for {folder.id}; --set section.key=value chooses some, "
            "and arena-tui resume goes on with the same."
        )
    text = read_profile(folder.profile).text
    own = rooted(parse_profile(text, source=str(folder.profile)), Path.cwd())  # as the new run will read it
    for change in changes(own, after):
        text = set_value(text, change.key, change.new)
    has_checkpoint = any(kept.problem is None for kept in checkpoints(folder.checkpoints))
    is_another = bool(unfit(before, after)) or any(change.key in PLACES for change in differences)
    return Retry(text, after, differences, goes_on=has_checkpoint and not is_another and read_metrics(folder) is None)
