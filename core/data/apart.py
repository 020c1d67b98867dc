"""Rows of which each answer is read apart: a sequence with A, and one with B, that of the row with A and B swapped."""

from collections.abc import Sequence

import numpy as np

from core.data.tokens import Encoded
from core.profile.settings import Profile


def read_as(rows: Sequence[Encoded], swapped: Sequence[Encoded], profile: Profile) -> list[Encoded]:
    """The sequences that a verdict on `rows` depends on: where answers are read apart, those of the copies too."""
    return [*rows, *swapped] if profile.reads_apart else [*rows]


def as_one(a: Encoded, b: Encoded) -> Encoded:
    """A row whose answers are read apart, `b` with A and B swapped, by all of its tokens. Of the prompt, which both
    have, the more that one of them lacks is lost."""
    return Encoded(
        example=a.example,
        ids=np.concatenate([a.ids, b.ids]),
        full_length=a.full_length + b.full_length,
        lost=(max(a.lost[0], b.lost[0]), a.lost[1], b.lost[1]),
        parts=(a.parts[0], a.parts[1], b.parts[1]),
    )
