"""How the tokens of many rows are divided into tags, parts and conversation rounds. Knows no ids and no text."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Counts = NDArray[np.int64]

ROW_BITS = 32
"""A token's place in a set of rows is written as row << 32 | position."""


class Shape(Struct, frozen=True):
    """Token counts of n rows, BOS and EOS apart.

    tags, parts: (n, 3), for prompt, A and B. rounds: (m, 3), the tokens of each round's turns, the rounds of a
    row one after the other; round_row: (m,), their rows; round_counts: (n,). inside: sorted places of tokens
    that go on with the character of the token before them, positions counted from the row's first token.
    """

    tags: Counts
    parts: Counts
    rounds: Counts
    round_row: Counts
    round_counts: Counts
    inside: Counts

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def total(self) -> Counts:
        """Tokens of each row, (n,)."""
        total: Counts = np.sum(self.tags + self.parts, axis=1)
        return total

    @property
    def starts(self) -> tuple[Counts, Counts]:
        """Positions of each row's first token of the tags and of the parts, (n, 3) each."""
        ends = np.cumsum(self.tags + self.parts, axis=1)
        return ends - self.parts - self.tags, ends - self.parts

    def starts_of(self, row: int) -> tuple[list[int], list[int]]:
        """The same positions of one row."""
        tags, parts = self.tags[row].tolist(), self.parts[row].tolist()
        ends = list(accumulate(tag + part for tag, part in zip(tags, parts, strict=True)))
        part_starts = [end - part for end, part in zip(ends, parts, strict=True)]
        return [start - tag for start, tag in zip(part_starts, tags, strict=True)], part_starts

    def continues(self, positions: Counts) -> NDArray[np.bool_]:
        """Whether the tokens at `positions` (n, 3) go on with a character that has begun before."""
        places = (np.arange(len(self))[:, None] << ROW_BITS) + positions
        found = np.searchsorted(self.inside, places)
        return self.inside[np.minimum(found, len(self.inside) - 1)] == places if len(self.inside) else found > 0

    def take(self, rows: NDArray[np.intp]) -> "Shape":
        """The shape of some rows, given by ascending numbers."""
        new_number = np.full(len(self), -1)
        new_number[rows] = np.arange(len(rows))
        in_rounds = new_number[self.round_row]
        in_inside = new_number[self.inside >> ROW_BITS]
        positions = self.inside & (1 << ROW_BITS) - 1
        return Shape(
            tags=self.tags[rows],
            parts=self.parts[rows],
            rounds=self.rounds[in_rounds >= 0],
            round_row=in_rounds[in_rounds >= 0],
            round_counts=self.round_counts[rows],
            inside=(in_inside << ROW_BITS | positions)[in_inside >= 0],
        )


def shape_of(counts: Sequence[Sequence[Sequence[int]]], inside: Sequence[NDArray[np.intp]]) -> Shape:
    """The shape of rows whose token counts are given per part: that of its tag, then those of its turns.

    `inside` holds each row's positions of tokens that continue a character.
    """
    tags, rounds, round_counts = [], [], []
    for row in counts:
        tags.append([part[0] for part in row])
        most = max(len(part) for part in row) - 1
        rounds += [[part[turn] if turn < len(part) else 0 for part in row] for turn in range(1, most + 1)]
        round_counts.append(most)
    in_rounds = np.array(rounds, dtype=np.int64).reshape(-1, 3)
    row_of_round = np.repeat(np.arange(len(counts)), round_counts)
    parts = np.zeros((len(counts), 3), dtype=np.int64)
    np.add.at(parts, row_of_round, in_rounds)
    places = [(row << ROW_BITS) + positions for row, positions in enumerate(inside) if len(positions)]
    return Shape(
        tags=np.array(tags, dtype=np.int64).reshape(-1, 3),
        parts=parts,
        rounds=in_rounds,
        round_row=row_of_round,
        round_counts=np.array(round_counts, dtype=np.int64),
        inside=np.concatenate(places) if places else np.zeros(0, dtype=np.int64),
    )
