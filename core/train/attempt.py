"""Which process of a run this is: the first, or one that goes on from a checkpoint."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from core.data.errors import DataError
from core.runs.checkpoints import checkpoints
from core.runs.events import Phase, Resumed, Started
from core.runs.folder import RunFolder
from core.runs.record import Record, Tail

if TYPE_CHECKING:
    from core.data.tokens import Encoded


class Attempt(Struct, frozen=True):
    """`checkpoint` is the folder to go on from; None to begin with the first step."""

    checkpoint: str | None = None
    before: Started | None = None
    """What the first process was to do."""

    @classmethod
    def resumed(cls, folder: RunFolder, record: Record) -> Self:
        """Go on from the newest intact checkpoint; the record says from which, and why not from a newer one."""
        record.write(Phase(phase="loading", detail="checking the checkpoints"))
        started = [event for event in Tail(folder.events).read() if isinstance(event, Started)]
        skipped, intact = [], None
        for kept in checkpoints(folder.checkpoints):
            if kept.problem is None:
                intact = kept
                break
            skipped.append(f"a damaged checkpoint was passed over: {kept.problem}")
        name = str(intact.path.relative_to(folder.path)) if intact else None
        record.write(Resumed(step=intact.step if intact else 0, checkpoint=name, skipped=skipped))
        return cls(str(intact.path) if intact else None, started[-1] if started else None)

    def demand_same_rows(self, train_set: "Sequence[Encoded]") -> None:
        """Raises DataError where the training rows are not those that the first process had."""
        now = (len(train_set), sum(len(row.ids) for row in train_set))
        if self.before and (before := (self.before.rows_train, self.before.tokens_train)) != now:
            raise DataError(
                f"data.train has changed since the run was started: {now[0]:,} training rows of {now[1]:,} tokens, "
                f"where there were {before[0]:,} of {before[1]:,}; a resumed run needs the same rows in the same order"
            )
