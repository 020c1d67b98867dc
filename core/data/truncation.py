"""Which tokens of a long input are kept, by every strategy, for many rows at once. Knows counts, not tokens."""

from collections.abc import Callable

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from core.data.example import Frame
from core.data.shape import Shape
from core.profile import settings
from core.profile.errors import SettingError

Counts = NDArray[np.int64]

MARKS = 8
"""The room left beside the tags must hold this many ellipses: two for each part, and some text."""


class TokensKept(Struct, frozen=True):
    """What is kept of n rows: of each part the tokens [start, end) and those from `resume` on, of each tag a head.

    All counts have the shape (n, 3), for prompt, A and B; `marks`, of shape (n,), counts the ellipses.
    """

    tags: Counts
    start: Counts
    end: Counts
    resume: Counts
    marks: Counts

    def by_part(self, shape: Shape) -> Counts:
        """Tokens kept of each part, (n, 3), the ellipses not counted."""
        return self.end - self.start + shape.parts - self.resume


def keep(shape: Shape, tokens: settings.Tokens, frame: Frame) -> TokensKept:
    """What `tokens.truncation` keeps of each row within `tokens.max_length`, the frame included.

    All tags are kept, except by right: the recipe cuts them with the rest. No character is kept in part, so that
    a row can come out a few tokens shorter than the limit. Raises SettingError where it leaves no room for text.
    """
    demand_room(shape, tokens, frame)
    room, mark = tokens.max_length - frame.specials, len(frame.mark)
    over = np.flatnonzero(shape.total > room)
    everything = _kept(shape, np.zeros_like(shape.parts), shape.parts, shape.parts)
    if not len(over):
        return everything
    long = shape.take(over)
    if tokens.truncation == "right":
        cut = _right(long, room, mark)
    else:
        cut = _STRATEGIES[tokens.truncation](long, room - long.tags.sum(axis=1), tokens, mark)
    cut = _whole_characters(cut, long)
    return TokensKept(*(_put(whole, over, part) for whole, part in zip(_fields(everything), _fields(cut), strict=True)))


def spans(kept: TokensKept, shape: Shape, row: int) -> list[tuple[int, int] | None]:
    """The row as it is shown: stretches [first, last) of its tokens in order, None where an ellipsis stands."""
    tag_starts, part_starts = shape.starts_of(row)
    found: list[tuple[int, int] | None] = []
    for part in range(3):
        tag, first = tag_starts[part], part_starts[part]
        tag_kept = int(kept.tags[row, part])
        found.append((tag, tag + tag_kept))
        if tag_kept < shape.tags[row, part]:  # everything ends here
            return found if None in found else [*found, None]
        start, end, resume = (int(bound[row, part]) for bound in (kept.start, kept.end, kept.resume))
        if start > 0:
            found.append(None)
        found.append((first + start, first + end))
        if resume > end:
            found.append(None)
        found.append((first + resume, first + int(shape.parts[row, part])))
    return found


def stretches(kept: TokensKept, shape: Shape, row: int, part: int) -> list[tuple[int, int, bool]]:
    """All of a part in order: stretches [first, last) of the row's tokens, and whether they are kept."""
    _, part_starts = shape.starts_of(row)
    begin, size = part_starts[part], int(shape.parts[row, part])
    start, end, resume = (int(bound[row, part]) for bound in (kept.start, kept.end, kept.resume))
    every = ((0, start, False), (start, end, True), (end, resume, False), (resume, size, True))
    return [(begin + first, begin + last, is_kept) for first, last, is_kept in every if first < last]


def demand_room(shape: Shape, tokens: settings.Tokens, frame: Frame) -> None:
    """Raises SettingError where `tokens.max_length` leaves no room for text beside tags and ellipses."""
    tags = 0 if tokens.truncation == "right" else int(shape.tags.sum(axis=1).max(initial=0))
    least = frame.specials + tags + MARKS * len(frame.mark) + 1
    if tokens.max_length < least:
        raise SettingError(
            "tokens.max_length",
            tokens.max_length,
            f"tags and ellipses leave no room for text; at least {least} tokens are needed",
        )


def _right(shape: Shape, room: int, mark: int) -> TokensKept:
    shown = room - mark
    tag_starts, part_starts = shape.starts
    return TokensKept(
        tags=np.clip(shown - tag_starts, 0, shape.tags),
        start=np.zeros_like(shape.parts),
        end=np.clip(shown - part_starts, 0, shape.parts),
        resume=shape.parts,
        marks=np.ones(len(shape), dtype=np.int64),
    )


def _left(shape: Shape, room: Counts, _: settings.Tokens, mark: int) -> TokensKept:
    return _without(shape, np.zeros_like(room), shape.parts.sum(axis=1) - room + 3 * mark)


def _head_tail(shape: Shape, room: Counts, _: settings.Tokens, mark: int) -> TokensKept:
    shown = room - 3 * mark
    head = shown - shown // 2
    return _without(shape, head, shape.parts.sum(axis=1) - shown // 2)


def _without(shape: Shape, first: Counts, last: Counts) -> TokensKept:
    """Everything but the tokens [first, last), counted through the three parts without their tags."""
    before = np.cumsum(shape.parts, axis=1) - shape.parts
    end = np.clip(first[:, None] - before, 0, shape.parts)
    resume = np.clip(last[:, None] - before, 0, shape.parts)
    return _kept(shape, np.zeros_like(end), end, resume)


def _thirds(shape: Shape, room: Counts, _: settings.Tokens, mark: int) -> TokensKept:
    third = room // 3
    return _heads(shape, np.stack([room - 2 * third, third, third], axis=1), mark)


def _proportional(shape: Shape, room: Counts, _: settings.Tokens, mark: int) -> TokensKept:
    return _heads(shape, _shares(room, shape.parts, (1, 2, 2)), mark)


def _longest_first(shape: Shape, room: Counts, tokens: settings.Tokens, mark: int) -> TokensKept:
    wanted = shape.parts.copy()
    if tokens.prompt_max is not None:
        excess = shape.parts.sum(axis=1) - room
        most = max(tokens.prompt_max, mark)
        wanted[:, 0] -= np.clip(wanted[:, 0] - most, 0, excess)
    return _heads(shape, _shares(room, wanted, (1, 1, 1)), mark)


def _rounds(shape: Shape, room: Counts, _: settings.Tokens, mark: int) -> TokensKept:
    room = room - 6 * mark  # a part can have a gap before the round that is cut, and one inside it
    in_round = shape.rounds.sum(axis=1)
    through = np.cumsum(in_round)
    last_of_row = np.cumsum(shape.round_counts) - 1
    from_here_on = through[last_of_row][shape.round_row] - through + in_round
    whole = np.bincount(shape.round_row[from_here_on <= room[shape.round_row]], minlength=len(shape))
    cut = last_of_row - whole
    newer = np.where(whole > 0, through[last_of_row] - through[cut], 0)
    heads = _shares(room - newer, shape.rounds[cut], (1, 2, 2))
    before = np.cumsum(shape.rounds, axis=0) - shape.rounds
    first_of_row = last_of_row - shape.round_counts + 1
    start = before[cut] - before[first_of_row]
    resume = start + shape.rounds[cut]
    start = np.where(heads > 0, start, 0)
    return _kept(shape, start, start + heads, resume)


_STRATEGIES: dict[str, Callable[[Shape, Counts, settings.Tokens, int], TokensKept]] = {
    "left": _left,
    "head-tail": _head_tail,
    "thirds": _thirds,
    "proportional": _proportional,
    "longest-first": _longest_first,
    "rounds": _rounds,
}


def _shares(room: Counts, wanted: Counts, weights: tuple[int, int, int]) -> Counts:
    """`room` divided by weight; what a part does not need goes to the others. (n,), (n, 3) -> (n, 3).

    What the division leaves over goes to the prompt, so that A and B are treated alike.
    """
    weight = np.array(weights)
    given = np.zeros_like(wanted)
    hungry = np.ones(wanted.shape, dtype=bool)
    for _ in range(3):
        left = room - given.sum(axis=1, where=~hungry)
        share = left[:, None] * weight // np.maximum(1, (weight * hungry).sum(axis=1))[:, None]
        fed = hungry & (wanted <= share)
        given[fed] = wanted[fed]
        hungry &= ~fed
    left = room - given.sum(axis=1, where=~hungry)
    share = left[:, None] * weight // np.maximum(1, (weight * hungry).sum(axis=1))[:, None]
    given[hungry] = share[hungry]
    given[:, 0] = np.minimum(wanted[:, 0], given[:, 0] + room - given.sum(axis=1))
    return given


def _heads(shape: Shape, allotted: Counts, mark: int) -> TokensKept:
    """Of each part that does not fit its allotment, as many tokens from its start as fit beside the ellipsis."""
    end = np.where(allotted >= shape.parts, shape.parts, allotted - mark)
    return _kept(shape, np.zeros_like(end), end, shape.parts)


def _kept(shape: Shape, start: Counts, end: Counts, resume: Counts) -> TokensKept:
    """All tags, these tokens of the parts, and an ellipsis for each gap."""
    gaps = (start > 0).sum(axis=1) + (resume > end).sum(axis=1)
    return TokensKept(shape.tags, start, end, resume, gaps)


def _whole_characters(kept: TokensKept, shape: Shape) -> TokensKept:
    """The same without the tokens of characters that are kept in part."""
    starts = shape.starts[1]
    end, resume = kept.end.copy(), kept.resume.copy()
    while (inside := (end < shape.parts) & (end > kept.start) & shape.continues(starts + end)).any():
        end[inside] -= 1
    while (inside := (resume < shape.parts) & shape.continues(starts + resume)).any():
        resume[inside] += 1
    return replace(kept, end=end, resume=resume)


def _fields(kept: TokensKept) -> tuple[Counts, ...]:
    return kept.tags, kept.start, kept.end, kept.resume, kept.marks


def _put(whole: Counts, rows: NDArray[np.intp], part: Counts) -> Counts:
    whole = whole.copy()
    whole[rows] = part
    return whole
