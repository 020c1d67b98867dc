"""The settings of a run as its start has settled them: what was left to its rows, and which commit of the hub its base
is, the run's record tells."""

from msgspec.structs import replace

from core.outcomes import A_B_TIE, Outcomes, OutcomesName, outcomes_of
from core.profile.settings import Profile
from core.runs.events import Started
from core.runs.folder import RunFolder
from core.runs.record import Tail


def with_outcomes(profile: Profile, outcomes: OutcomesName) -> Profile:
    """The same settings, the outcomes settled."""
    return replace(profile, model=replace(profile.model, outcomes=outcomes))


def with_commit(profile: Profile, commit_base: str) -> Profile:
    """The same settings, the base fixed to owner/name@commit, where it is of that name: a branch may have moved, and a
    base may lie in another place now."""
    name, _, commit = commit_base.partition("@")
    if name != profile.model.checkpoint:
        return profile
    return replace(profile, model=replace(profile.model, revision=commit))


def first_started(folder: RunFolder) -> Started | None:
    """What the run was about to do at first: a later process does the same. None before it has begun to. Raises OSError
    where the record cannot be read."""
    batches = Tail(folder.events).batches()
    return next((event for batch in batches for event in batch if isinstance(event, Started)), None)


def read_outcomes(folder: RunFolder) -> Outcomes:
    """Those that the run tells apart; three where it has not begun. Raises OSError."""
    started = first_started(folder)
    return outcomes_of(started.outcomes) if started else A_B_TIE


def read_settled(folder: RunFolder) -> Profile:
    """Every setting of the run; once it has begun, model.outcomes is never "auto", and model.revision is the commit of
    a base of the hub. Raises ProfileError, and OSError."""
    profile, started = folder.read_profile(), first_started(folder)
    return with_commit(with_outcomes(profile, started.outcomes), started.commit_base) if started else profile
