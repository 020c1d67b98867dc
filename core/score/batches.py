"""Rows of like length put together into batches. Knows lengths, not tokens."""

from collections.abc import Sequence

from msgspec import Struct


class Batch(Struct, frozen=True):
    """Rows to be computed at once, by their numbers in the file; `tokens` are counted without padding."""

    rows: list[int]
    tokens: int


def batches(lengths: Sequence[int], rows: Sequence[int], most_tokens: int) -> list[Batch]:
    """`rows` in batches of at most `most_tokens` with their padding, the longest first, so that memory fails early.

    A row that is longer than that is a batch of its own.
    """
    longest_first = sorted(rows, key=lambda row: (-lengths[row], row))
    made = []
    while longest_first:
        count = max(1, most_tokens // lengths[longest_first[0]])
        taken, longest_first = longest_first[:count], longest_first[count:]
        made.append(Batch(taken, sum(lengths[row] for row in taken)))
    return made
