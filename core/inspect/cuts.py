"""What a limit and a strategy leave of each row, and in total. Computed from counts: nothing is tokenized again."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct, structs
from msgspec.structs import replace
from numpy.typing import NDArray

from core.data.example import Frame
from core.data.shape import Counts
from core.data.truncation import keep
from core.inspect.figures import Rows, by_part
from core.outcomes import Outcomes
from core.profile.errors import SettingError
from core.profile.token_settings import TRUNCATIONS, Tokens

LIMITS = (512, 1024, 1536, 2048, 4096)
"""Put beside a profile's own."""

Flags = NDArray[np.bool_]


class Cut(Struct, frozen=True, kw_only=True):
    """What becomes of each row: arrays of shape (n,), and by part (n, 3)."""

    full: Counts
    """Tokens of its longest sequence before the cut, BOS and EOS included."""
    by_sequence: Counts
    """Tokens that the model is shown, with BOS, EOS and ellipses, of each sequence that a row is read as, (n,
    sequences): of one, or where answers are read apart of two."""
    lost: Counts
    """Tokens that it is not shown, those of tags included."""
    parts: Counts
    kept: Counts

    @property
    def shown(self) -> Counts:
        """Tokens that the model is shown in all."""
        shown: Counts = self.by_sequence.sum(axis=1)
        return shown

    @property
    def longest(self) -> Counts:
        """Those of the longest sequence."""
        longest: Counts = self.by_sequence.max(axis=1)
        return longest

    @property
    def is_over(self) -> Flags:
        """Whether a row is longer than the limit."""
        over: Flags = self.lost > 0
        return over

    @property
    def is_gone(self) -> Flags:
        """Whether nothing is left of a part that has tokens, (n, 3)."""
        gone: Flags = (self.kept == 0) & (self.parts > 0)
        return gone

    @property
    def is_part_cut(self) -> Flags:
        """Whether some of a part is cut and some is left, (n, 3)."""
        partly: Flags = (self.kept < self.parts) & (self.kept > 0)
        return partly


class CutFigures(Struct, frozen=True, kw_only=True):
    """Counts of rows and tokens. `_cut` counts the rows that lose some of a part, `_lost` those that lose all."""

    rows: int
    rows_over: int
    tokens_shown: int
    tokens_lost: int
    prompt_cut: int
    prompt_lost: int
    response_a_cut: int
    response_a_lost: int
    response_b_cut: int
    response_b_lost: int


class CutReport(CutFigures, frozen=True, kw_only=True):
    """The figures of all rows under one limit and strategy, and the same by winner and by side of the split."""

    max_length: int
    truncation: str
    by_label: dict[str, CutFigures]
    by_split: dict[str, CutFigures]


class NoRoom(Struct, frozen=True, kw_only=True):
    """A limit that leaves no room for text under its strategy."""

    max_length: int
    truncation: str
    problem: str = "leaves no room for text"


def cut(rows: Rows, tokens: Tokens, frame: Frame) -> Cut:
    """What the limit and strategy of `tokens` leave of each row. Raises SettingError where that is no text."""
    kept = [(shape, keep(shape, tokens, frame)) for shape in rows.shapes]
    shown = [one.total(shape) + frame.specials + len(frame.mark) * one.marks for shape, one in kept]
    return Cut(
        full=rows.total + frame.specials,
        by_sequence=np.stack(shown, axis=1),
        lost=np.sum([shape.total - one.total(shape) for shape, one in kept], axis=0),
        parts=rows.parts,
        kept=by_part([one.by_part(shape) for shape, one in kept]),
    )


def figures(left: Cut, chosen: Flags) -> CutFigures:
    """The figures of the rows that `chosen`, of shape (n,), picks."""
    partly, gone = (flags[chosen].sum(axis=0).tolist() for flags in (left.is_part_cut, left.is_gone))
    return CutFigures(
        rows=int(chosen.sum()),
        rows_over=int(left.is_over[chosen].sum()),
        tokens_shown=int(left.shown[chosen].sum()),
        tokens_lost=int(left.lost[chosen].sum()),
        prompt_cut=partly[0],
        prompt_lost=gone[0],
        response_a_cut=partly[1],
        response_a_lost=gone[1],
        response_b_cut=partly[2],
        response_b_lost=gone[2],
    )


def report(rows: Rows, outcomes: Outcomes, sides: Mapping[str, Flags], tokens: Tokens, left: Cut) -> CutReport:
    """The figures of what `tokens` leave. `sides` are the rows of each side, (n,), by its name."""
    return CutReport(
        max_length=tokens.max_length,
        truncation=tokens.truncation,
        by_label={name: figures(left, rows.label == label) for label, name in enumerate(outcomes.labels)},
        by_split={name: figures(left, side) for name, side in sides.items()},
        **structs.asdict(figures(left, np.ones(len(rows), dtype=bool))),
    )


Tried = tuple[Tokens, Cut | None]
"""A limit and a strategy, and what they leave; None where they leave no room for text."""


def by_limit(rows: Rows, tokens: Tokens, frame: Frame, limits: Sequence[int] = LIMITS) -> Iterator[Tried]:
    """The limit of `tokens` and each of `limits`, ascending."""
    return _tried(rows, frame, [replace(tokens, max_length=limit) for limit in sorted({tokens.max_length, *limits})])


def by_strategy(rows: Rows, tokens: Tokens, frame: Frame) -> Iterator[Tried]:
    """Each strategy at the limit of `tokens`."""
    return _tried(rows, frame, [replace(tokens, truncation=name) for name in TRUNCATIONS])


def _tried(rows: Rows, frame: Frame, every: Sequence[Tokens]) -> Iterator[Tried]:
    for tokens in every:
        try:
            yield tokens, cut(rows, tokens, frame)
        except SettingError:
            yield tokens, None
