"""Which process of a run this is: the first, or one that goes on from a checkpoint."""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from core.data.example import DataError
from core.engine.steps import optimizer_steps
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.runs.checkpoints import checkpoints, damage
from core.runs.events import Phase, Resumed, Started, Warning
from core.runs.figures import RowsDigest
from core.runs.folder import RunFolder
from core.runs.record import Record, Tail
from core.runs.seal import has_checksums
from core.runs.state import RunState, fold


class Attempt(Struct, frozen=True):
    """`step` and `checkpoint`, a folder, are where to go on from; 0 and None to begin with the first step."""

    step: int = 0
    checkpoint: str | None = None
    kept: str | None = None
    """The checkpoint relative to the run folder."""
    before: Started | None = None
    """What the process before was to do."""
    evaluated: frozenset[int] = frozenset()
    """After which steps the run was evaluated."""

    @classmethod
    def resumed(cls, folder: RunFolder, record: Record) -> Self:
        """Go on from the newest intact checkpoint; the record says from which, and why not from a newer one."""
        record.write(Phase(phase="loading", detail="checking the checkpoints"))
        known = Tail(folder.events).read()
        started = [event for event in known if isinstance(event, Started)]
        skipped, intact = [], None
        for kept in checkpoints(folder.checkpoints):
            if (problem := damage(kept)) is None:
                intact = kept
                break
            skipped.append(f"a damaged checkpoint was skipped: {problem}")
        name = str(intact.path.relative_to(folder.path)) if intact else None
        record.write(Resumed(step=intact.step if intact else 0, checkpoint=name, skipped=skipped))
        if intact and not has_checksums(intact.path):
            record.write(Warning(message=f"{name} is of an older version: only the sizes of its files can be checked"))
        return cls(
            step=intact.step if intact else 0,
            checkpoint=str(intact.path) if intact else None,
            kept=name,
            before=started[-1] if started else None,
            evaluated=frozenset(evaluated.step for evaluated in fold(RunState(), known).evaluations),
        )

    def owes_evaluation(self, profile: Profile, rows: int) -> bool:
        """Whether one was due where this goes on, and was not completed. `rows` are those trained on."""
        every = profile.eval.every
        if not profile.evaluates:
            return False
        if every == "epoch":
            every = optimizer_steps(rows, replace(profile.train, epochs=1.0))
        return self.step > 0 and self.step % every == 0 and self.step not in self.evaluated

    def demand_same_rows(
        self, rows: int, tokens: int, digest_train: RowsDigest, digest_eval: RowsDigest, *, has_own_eval: bool
    ) -> None:
        """`rows` and `tokens` are those of an epoch; `has_own_eval` where the evaluation rows are those of data.eval.

        Raises DataError where the rows are not those that the process before had, in the same order."""
        if self.before is None:
            return
        changed = "has changed since the run was started"
        needed = "a resumed run needs the same rows in the same order"
        now = (rows, tokens)
        if (before := (self.before.rows_train, self.before.tokens_train)) != now:
            raise DataError(
                f"data.train {changed}: {now[0]:,} training rows with {now[1]:,} tokens instead of {before[0]:,} of "
                f"{before[1]:,}; {needed}"
            )
        of_eval = "data.eval" if has_own_eval else "data.train"
        for source, side, known, found in (
            ("data.train", "training", self.before.digest_train, digest_train),
            (of_eval, "evaluation", self.before.digest_eval, digest_eval),
        ):
            if known is not None and (others := known.other_parts(found)):
                raise DataError(f"{source} {changed}: other {' and '.join(others)} in the {side} rows; {needed}")

    def demand_same_base(self, model: str, digest: dict[str, str]) -> None:
        """Raises SettingError, naming the files, where the base is not that of the process before."""
        before = self.before.digest_base if self.before else {}
        changed = [name for name in sorted(before | digest) if before.get(name) != digest.get(name)]
        if before and changed:
            raise SettingError(
                "model.checkpoint",
                model,
                f"{', '.join(changed)} changed since the run was started; a resumed run needs the same base",
            )
