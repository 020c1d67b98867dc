"""How the tokens of many rows are divided into tags, parts and conversation rounds. Knows no ids and no text."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Counts = NDArray[np.int64]

ROW_BITS = 32
"""A token's place in a set of rows is written as row << 32 | position."""


class Stretch(Struct, frozen=True):
    """Tokens [first, last) of a row: a tag, or text of a part, in which they begin at token `at`."""

    part: int
    round: int
    """None but the first has tags where rows are told part by part; -1 for what stands at the two ends of a row."""
    is_tag: bool
    first: int
    last: int
    at: int = 0


class Shape(Struct, frozen=True, dict=True):
    """Token counts of n rows, BOS and EOS apart, whose rounds are m in all.

    outer: (n, 2), the fixed text before and after all else. parts: (n, 3), for prompt, A and B. rounds: (m, 3), the
    tokens of each round's turns, the rounds of a row one after the other, at least one; tags: (m, 3), what stands
    before them; round_row: (m,), their rows; round_counts: (n,). by_round: whether a row is told round by round; else
    part by part, and all tags but those of the first round are 0. inside: sorted places of tokens that go on with the
    character of the token before them, positions counted from the row's first token.
    """

    outer: Counts
    tags: Counts
    parts: Counts
    rounds: Counts
    round_row: Counts
    round_counts: Counts
    inside: Counts
    by_round: bool

    def __len__(self) -> int:
        return len(self.parts)

    @cached_property
    def first_rounds(self) -> Counts:
        """The number of each row's first round, (n,)."""
        return np.cumsum(self.round_counts) - self.round_counts

    def by_row(self, of_rounds: NDArray[np.integer]) -> Counts:
        """The sums over each row's rounds: (m, 3) -> (n, 3)."""
        summed: Counts = np.add.reduceat(of_rounds, self.first_rounds, axis=0) if len(self) else self.parts
        return summed

    @cached_property
    def total(self) -> Counts:
        """Tokens of each row, (n,)."""
        total: Counts = np.sum(self.by_row(self.tags) + self.parts, axis=1) + self.outer.sum(axis=1)
        return total

    def before(self, of_rounds: Counts) -> Counts:
        """What comes before each tag or turn of which (m, 3) says how much it is, in the order of its row, (m, 3)."""
        if self.by_round:
            through = np.cumsum(of_rounds.ravel()).reshape(of_rounds.shape) - of_rounds
            starts: Counts = through - through[self.first_rounds, 0][self.round_row][:, None]
            return starts
        through = np.cumsum(of_rounds, axis=0) - of_rounds
        in_part: Counts = through - through[self.first_rounds][self.round_row]
        whole = self.by_row(of_rounds)
        return in_part + (np.cumsum(whole, axis=1) - whole)[self.round_row]

    @cached_property
    def turns_at(self) -> Counts:
        """The place of each turn's first token in its part, (m, 3)."""
        through = np.cumsum(self.rounds, axis=0) - self.rounds
        places: Counts = through - through[self.first_rounds][self.round_row]
        return places

    @cached_property
    def tag_starts(self) -> Counts:
        """The position in its row of each tag's first token, (m, 3); the turn's is behind it."""
        starts: Counts = self.before(self.tags + self.rounds) + self.outer[self.round_row, :1]
        return starts

    def stretches(self, row: int) -> list[Stretch]:
        """One row's tags and texts in their order, empty ones too; a part is one text where rows are told by parts."""
        first, count = int(self.first_rounds[row]), int(self.round_counts[row])
        if self.by_round:
            tags, texts = (of[first : first + count].tolist() for of in (self.tags, self.rounds))
        else:
            tags, texts = [self.tags[first].tolist()], [self.parts[row].tolist()]
        before, after = self.outer[row].tolist()
        found, place, at = [Stretch(0, -1, True, 0, before)], before, [0, 0, 0]
        for number, (of_tags, of_texts) in enumerate(zip(tags, texts, strict=True)):
            for part in range(3):
                text = place + of_tags[part]
                found.append(Stretch(part, number, True, place, text))
                place = text + of_texts[part]
                found.append(Stretch(part, number, False, text, place, at[part]))
                at[part] += of_texts[part]
        return [*found, Stretch(2, -1, True, place, place + after)]

    def continues(self, places: Counts) -> NDArray[np.bool_]:
        """Whether the tokens at `places` (n, 3) of their parts go on with a character that has begun before."""
        if not len(self.inside):
            return np.zeros(places.shape, dtype=bool)
        wanted = (np.arange(len(self))[:, None] << ROW_BITS) + self._positions(places)
        found = np.searchsorted(self.inside, wanted)
        is_inside: NDArray[np.bool_] = self.inside[np.minimum(found, len(self.inside) - 1)] == wanted
        return is_inside

    def _positions(self, places: Counts) -> Counts:
        """The position in its row of the token at each of the `places` (n, 3) of its part."""
        starts = self.tag_starts + self.tags
        if not self.by_round:
            found: Counts = starts[self.first_rounds] + places
            return found
        positions = np.empty_like(places)
        for part in range(3):
            at = (self.round_row << ROW_BITS) + self.turns_at[:, part]
            of = (np.arange(len(self)) << ROW_BITS) + places[:, part]
            turn = np.searchsorted(at, of, side="right") - 1  # the last of those that begin there: the others are empty
            positions[:, part] = starts[turn, part] + places[:, part] - self.turns_at[turn, part]
        return positions

    def take(self, rows: NDArray[np.intp]) -> "Shape":
        """The shape of some rows, given by ascending numbers."""
        new_number = np.full(len(self), -1)
        new_number[rows] = np.arange(len(rows))
        in_rounds = new_number[self.round_row]
        in_inside = new_number[self.inside >> ROW_BITS]
        positions = self.inside & (1 << ROW_BITS) - 1
        return Shape(
            outer=self.outer[rows],
            tags=self.tags[in_rounds >= 0],
            parts=self.parts[rows],
            rounds=self.rounds[in_rounds >= 0],
            round_row=in_rounds[in_rounds >= 0],
            round_counts=self.round_counts[rows],
            inside=(in_inside << ROW_BITS | positions)[in_inside >= 0],
            by_round=self.by_round,
        )


class RowCounts(Struct, frozen=True):
    """One row's tokens: before and after all else, and of each round's tags and turns, three each."""

    outer: tuple[int, int]
    tags: list[list[int]]
    turns: list[list[int]]


def shape_of(rows: Sequence[RowCounts], inside: Sequence[NDArray[np.intp]], *, by_round: bool) -> Shape:
    """The shape of rows; `inside` holds each one's positions of tokens that continue a character."""
    round_counts = np.array([len(row.turns) for row in rows], dtype=np.int64)
    row_of_round = np.repeat(np.arange(len(rows)), round_counts)
    tags, rounds = (
        np.array(list(chain.from_iterable(of)), dtype=np.int64).reshape(-1, 3)
        for of in ([row.tags for row in rows], [row.turns for row in rows])
    )
    parts = np.zeros((len(rows), 3), dtype=np.int64)
    np.add.at(parts, row_of_round, rounds)
    places = [(row << ROW_BITS) + positions for row, positions in enumerate(inside) if len(positions)]
    return Shape(
        outer=np.array([row.outer for row in rows], dtype=np.int64).reshape(-1, 2),
        tags=tags,
        parts=parts,
        rounds=rounds,
        round_row=row_of_round,
        round_counts=round_counts,
        inside=np.concatenate(places) if places else np.zeros(0, dtype=np.int64),
        by_round=by_round,
    )
