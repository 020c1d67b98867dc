"""What is kept of rows in tokens, and the stretches that this leaves of one. Knows counts, not how they come about."""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.shape import Counts, Shape, Stretch


class TokensKept(Struct, frozen=True):
    """What is kept of n rows: of each part the tokens [start, end) and those from `resume` on, of each tag a head.

    start, end, resume: (n, 3), for prompt, A and B; tags: (m, 3), by round as those of the shape; marks: (n,), the
    ellipses; is_ended: (n,), whether a row has one ellipsis, behind which nothing follows but the text at its end.
    What stands at the two ends of a row is always kept.
    """

    tags: Counts
    start: Counts
    end: Counts
    resume: Counts
    marks: Counts
    is_ended: NDArray[np.bool_]

    def by_part(self, shape: Shape) -> Counts:
        """Tokens kept of each part, (n, 3), the ellipses not counted."""
        return self.end - self.start + shape.parts - self.resume

    def total(self, shape: Shape) -> Counts:
        """Tokens kept of each row, (n,), the ellipses not counted."""
        kept: Counts = (shape.by_row(self.tags) + self.by_part(shape)).sum(axis=1) + shape.outer.sum(axis=1)
        return kept


def whole(shape: Shape) -> TokensKept:
    """Everything."""
    nothing = np.zeros_like(shape.parts)
    marks = np.zeros(len(shape), dtype=np.int64)
    return TokensKept(shape.tags, nothing, shape.parts, shape.parts, marks, marks > 0)


def spans(kept: TokensKept, shape: Shape, row: int) -> list[tuple[int, int] | None]:
    """The row as it is shown: stretches [first, last) of its tokens in order, None where an ellipsis stands."""
    every = shape.stretches(row)
    if kept.is_ended[row]:
        return [*_until_it_ends(kept, shape, row, every[:-1]), None, (every[-1].first, every[-1].last)]
    bounds = [tuple(int(of[row, part]) for of in (kept.start, kept.end, kept.resume)) for part in range(3)]
    marked = [_marked(kept, shape, row, part) for part in range(3)]
    found: list[tuple[int, int] | None] = []
    for one in every:
        if one.is_tag:
            found.append((one.first, one.last if one.round < 0 or _tag(kept, shape, row, one) else one.first))
            continue
        start, end, resume = bounds[one.part]
        size = one.last - one.first
        before, behind = marked[one.part]
        found += [None] * (before == one.round)
        found.append(_within(one, start - one.at, end - one.at))
        found += [None] * (behind == one.round)
        found.append(_within(one, resume - one.at, size))
    return found


def _until_it_ends(kept: TokensKept, shape: Shape, row: int, every: list[Stretch]) -> Iterator[tuple[int, int]]:
    for one in every:
        if one.round < 0:
            yield one.first, one.last
        elif one.is_tag:
            yield one.first, one.first + _tag(kept, shape, row, one)
        else:
            yield _within(one, 0, int(kept.end[row, one.part]) - one.at)


def _tag(kept: TokensKept, shape: Shape, row: int, one: Stretch) -> int:
    """Tokens kept of a tag."""
    return int(kept.tags[shape.first_rounds[row] + one.round, one.part])


def _within(one: Stretch, begin: int, end: int) -> tuple[int, int]:
    """The tokens [begin, end) of a stretch, as far as it has them."""
    first = min(one.first + max(begin, 0), one.last)
    return first, min(max(one.first + end, first), one.last)


def _marked(kept: TokensKept, shape: Shape, row: int, part: int) -> tuple[int | None, int | None]:
    """The rounds in whose text of a part an ellipsis stands before and behind what is kept first; 0 by parts.

    Where nothing is kept before a gap the ellipsis stands before what follows it, and where nothing is kept at all,
    behind the first tag that is.
    """
    texts = [one for one in shape.stretches(row) if not one.is_tag and one.part == part]
    start, end, resume = (int(of[row, part]) for of in (kept.start, kept.end, kept.resume))
    size = int(shape.parts[row, part])
    before, behind = start > 0, resume > end

    def holding(place: int) -> int:
        return next(one.round for one in texts if one.at <= place < one.at + one.last - one.first)

    if start < end:
        anchor = holding(start), holding(end - 1)
    elif resume < size:
        anchor = holding(resume), holding(resume)
    else:
        first = int(shape.first_rounds[row])
        shown = kept.tags[first : first + int(shape.round_counts[row])].any(axis=1)
        anchor = (int(shown.argmax()), int(shown.argmax()))
    return anchor[0] if before else None, anchor[1] if behind else None


def parts_of(kept: TokensKept, shape: Shape, row: int, part: int) -> list[tuple[int, int, bool]]:
    """All of a part in order: stretches [first, last) of its tokens, and whether they are kept."""
    start, end, resume = (int(of[row, part]) for of in (kept.start, kept.end, kept.resume))
    every = ((0, start, False), (start, end, True), (end, resume, False), (resume, int(shape.parts[row, part]), True))
    return [(first, last, is_kept) for first, last, is_kept in every if first < last]
