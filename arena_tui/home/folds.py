"""How far all folds of a profile are, told from the runs that hold one out each. Knows no widget."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from arena_tui.format import numbers
from arena_tui.runs.follow import RunView
from arena_tui.widgets.facts import Fact
from core.profile.errors import ProfileError
from core.profile.files import rooted
from core.profile.settings import Profile
from core.runs.average import is_average
from core.runs.folder import RunFolder
from core.runs.folds import is_trained_by
from core.runs.state import Status


class Folds(Struct, frozen=True):
    """The newest run of each fold that has one, of so many."""

    runs: Mapping[int, RunView] = {}
    count: int = 0

    @property
    def are_told(self) -> bool:
        """One run holds out one fold in any case; from the second on somebody wants all of them."""
        return len(self.runs) > 1

    @property
    def name(self) -> str:
        """What the names of their runs have in common, for a filter: demo-fold-."""
        return os.path.commonprefix([run.folder.name for run in self.runs.values()])  # noqa: RUF071  (not paths)

    def told(self) -> Fact:
        """How many are done, what the others do, and the log loss of all rows that have been out of fold so far: the
        evaluations of the runs that have finished, weighted by their rows."""
        done = [run for run in self.runs.values() if run.status is Status.FINISHED]
        others = Counter(run.status for run in self.runs.values() if run.status is not Status.FINISHED)
        words = [f"{len(done)} of {self.count} done", *(f"{count} {status.value}" for status, count in others.items())]
        evaluated = [run.state.reached for run in done]
        known = [(one.rows, one.log_loss) for one in evaluated if one and one.log_loss is not None]
        if rows := sum(of for of, _ in known):
            so_far = "" if len(done) == self.count else " so far"
            words.append(f"log loss{so_far} {numbers.loss(sum(of * loss for of, loss in known) / rows)}")
        return "folds", ", ".join(words), ""


class FoldsReader:
    """Reads the settings of each run once. To be asked in a thread."""

    def __init__(self) -> None:
        self._settings: dict[Path, Profile | None] = {}
        self._wanted: Profile | None = None
        self._fold: dict[Path, int | None] = {}
        """Which fold of the wanted profile a run holds out."""

    def read(self, profile: Profile, runs: Iterable[RunView]) -> Folds:
        if profile.data.eval is not None or profile.split.by == "none":
            return Folds()
        wanted = rooted(profile, Path.cwd())
        if wanted != self._wanted:
            self._wanted, self._fold = wanted, {}
        found: dict[int, RunView] = {}
        for run in sorted(runs, key=lambda run: run.folder.id, reverse=True):
            path = run.folder.path
            if path not in self._fold:
                self._fold[path] = self._held_out(run.folder, wanted)
            if (fold := self._fold[path]) is not None:
                found.setdefault(fold, run)
        return Folds(dict(sorted(found.items())), profile.split.n_splits)

    def _held_out(self, folder: RunFolder, wanted: Profile) -> int | None:
        if folder.path not in self._settings:
            try:
                self._settings[folder.path] = folder.read_profile()
            except (ProfileError, OSError):  # of another version, or gone
                self._settings[folder.path] = None
        own = self._settings[folder.path]
        if own is None or not is_trained_by(replace(wanted, split=replace(wanted.split, fold=own.split.fold)), own):
            return None
        return None if is_average(folder.path) else own.split.fold
