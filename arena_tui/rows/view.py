"""The rows of an inspection as the data screen holds them, and what a limit and a strategy make of them. No widget."""

from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from core.data.example import Frame, Settled, settled
from core.data.template import TextMade
from core.inspect import cuts
from core.inspect.cuts import Cut, CutFigures, cut, figures
from core.inspect.figures import Epoch, Lengths, Rows, epoch, lengths, read_rows
from core.inspect.lookup import read_pieces
from core.inspect.protocol import Progress
from core.inspect.report import Hygiene, Sides, hygiene, margin, sides
from core.outcomes import A_B_TIE, Outcomes, outcomes_of
from core.profile.settings import Profile
from core.profile.token_settings import Tokens


class Inspected(Struct, frozen=True, kw_only=True):
    """`source` and `pieces` are there once all rows have been read; until then these are the first rows."""

    rows: Rows
    rows_total: int
    """Rows of the file; about so many while these are the first."""
    settled: Settled
    """By the rows read so far."""
    sides: Sides
    frame: Frame
    full: NDArray[np.int64]
    """Tokens of each row's longest sequence, BOS and EOS included."""
    lengths: Lengths
    hygiene: Hygiene
    source: Path | None
    pieces: list[bytes]
    """What each token writes."""
    text: TextMade | None
    """How the text of the rows is made; known once all have been read."""

    @property
    def outcomes(self) -> Outcomes:
        return outcomes_of(self.settled.outcomes)

    @property
    def is_sample(self) -> bool:
        return self.source is None

    def margin(self, count: int) -> float:
        """Half the width of the 95 % interval of a share that `count` of the rows have; 0 when all are read."""
        return margin(count, len(self.rows), self.rows_total) if self.is_sample else 0.0


class Outlook(Struct, frozen=True):
    """What one limit and strategy leave of all rows."""

    tokens: Tokens
    cut: Cut
    figures: CutFigures
    epoch: Epoch


def load(progress: Progress, profile: Profile) -> Inspected | None:
    """What `progress` says is there to be read; None where it says nothing of that kind."""
    path = progress.whole or progress.sample
    if path is None or progress.frame is None:
        return None
    rows = read_rows(Path(path))
    divided = sides(rows, profile)
    found = settled(progress.read) if progress.read else Settled(A_B_TIE.name, "")
    full = rows.total + progress.frame.specials
    return Inspected(
        rows=rows,
        rows_total=max(progress.rows_total or 0, len(rows)),
        settled=found,
        sides=divided,
        frame=progress.frame,
        full=full,
        lengths=lengths(full),
        hygiene=hygiene(rows, outcomes_of(found.outcomes), divided),
        source=Path(progress.whole) if progress.whole else None,
        pieces=read_pieces(Path(progress.pieces)) if progress.pieces else [],
        text=progress.text,
    )


def outlook(seen: Inspected, profile: Profile, tokens: Tokens) -> Outlook:
    """Under `tokens` in place of the profile's own. Raises SettingError where they leave no room for text."""
    left = cut(seen.rows, tokens, seen.frame)
    train = profile.train
    return Outlook(
        tokens=tokens,
        cut=left,
        figures=figures(left, np.ones(len(seen.rows), dtype=bool)),
        epoch=epoch(left.by_sequence[seen.sides.train], batch_size=train.per_device_batch_size, seed=train.seed),
    )


def by_limit(seen: Inspected, tokens: Tokens) -> dict[int, CutFigures | None]:
    """The figures of each usual limit and of that of `tokens`, ascending."""
    return {tried.max_length: _figures(left) for tried, left in cuts.by_limit(seen.rows, tokens, seen.frame)}


def by_strategy(seen: Inspected, tokens: Tokens) -> dict[str, CutFigures | None]:
    """The figures of each strategy at the limit of `tokens`."""
    return {tried.truncation: _figures(left) for tried, left in cuts.by_strategy(seen.rows, tokens, seen.frame)}


def _figures(left: Cut | None) -> CutFigures | None:
    return None if left is None else figures(left, np.ones(len(left.full), dtype=bool))


def by_group(seen: Inspected, cut: Cut) -> dict[str, CutFigures]:
    """The figures of each winner's rows, and of the training and the evaluation rows."""
    winners = {name: figures(cut, seen.rows.label == label) for label, name in enumerate(seen.outcomes.labels)}
    return {**winners, "train": figures(cut, seen.sides.train), "eval": figures(cut, seen.sides.eval)}


def split_again(seen: Inspected, profile: Profile) -> Inspected:
    """The same rows, divided as `profile` says now."""
    divided = sides(seen.rows, profile)
    return replace(seen, sides=divided, hygiene=hygiene(seen.rows, seen.outcomes, divided))
