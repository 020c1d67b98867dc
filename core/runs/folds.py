"""All folds of a profile: a run for each, which are told apart from others by their settings alone."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from core.profile.errors import ProfileError
from core.profile.files import ProfileFile, rooted
from core.profile.load import changes
from core.profile.settings import Profile
from core.profile.sweep import Variant
from core.runs.actions import CannotQueue, sweep
from core.runs.average import is_average
from core.runs.folder import RunFolder, list_runs
from core.runs.resume import BATCH, MAY_CHANGE

NAMES = frozenset({"run.name"})


class Fold(Struct, frozen=True):
    """One of a profile's folds, and the newest run that holds it out; None where there is none."""

    number: int
    file: ProfileFile
    variant: Variant
    run: RunFolder | None


def folds(runs: Path, profile: str, overrides: Sequence[str] = ()) -> list[Fold]:
    """All folds of a profile that is named, by path or as shipped. Raises CannotQueue for one that is not split."""
    [(_, whole)] = sweep([profile], [*overrides, "split.fold=0"])
    if whole.profile.data.eval is not None:
        raise CannotQueue("there are no folds: data.eval names the rows to evaluate, and data.train is not split")
    if whole.profile.split.by == "none":
        raise CannotQueue('there are no folds: split.by is "none"')
    numbers = range(whole.profile.split.n_splits)
    variants = sweep([profile], [*overrides, f"split.fold={[*numbers]}"])
    known = _known(runs)
    return [
        Fold(number, file, variant, _run_of(rooted(variant.profile, Path.cwd()), known))
        for number, (file, variant) in zip(numbers, variants, strict=True)
    ]


def _known(runs: Path) -> list[tuple[RunFolder, Profile]]:
    """The trained runs whose settings can be read, newest first."""
    found = []
    for run in list_runs(runs):
        if is_average(run.path):
            continue
        try:
            found.append((run, run.read_profile()))
        except ProfileError:
            continue  # of another version
    return found


def _run_of(wanted: Profile, known: Sequence[tuple[RunFolder, Profile]]) -> RunFolder | None:
    """The newest that is trained with these settings."""
    return next((run for run, own in known if is_trained_by(wanted, own)), None)


def is_trained_by(wanted: Profile, own: Profile) -> bool:
    """Whether a run with its `own` settings is one of those that are `wanted`, but for its name and what may be changed
    on the way. Paths are absolute in both."""
    harmless = MAY_CHANGE | NAMES | (BATCH if own.global_batch == wanted.global_batch else frozenset())
    return all(change.key in harmless for change in changes(own, wanted))
