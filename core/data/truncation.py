"""Which tokens of a long input are kept, by every strategy, for many rows at once. Knows counts, not tokens."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from core.data.example import Frame
from core.data.kept import TokensKept, whole
from core.data.shape import Counts, Shape
from core.profile.errors import SettingError
from core.profile.token_settings import Tokens

Bounds = TypeVar("Bounds", Counts, NDArray[np.bool_])

MARKS = 8
"""The room left beside the tags must hold this many ellipses: two for each part, and some text."""


def keep(shape: Shape, tokens: Tokens, frame: Frame) -> TokensKept:
    """What `tokens.truncation` keeps of each row within `tokens.max_length`, the frame included.

    What stands at the ends of a row is kept. So are all tags where a row is told part by part, and told round by round
    those of each round of which something is kept; only right, the recipe's, cuts tags with the rest. No character is
    kept in part, so that a row can come out a few tokens shorter than the limit. Raises SettingError where it leaves
    no room for text.
    """
    demand_room(shape, tokens, frame)
    room, mark = tokens.max_length - frame.specials, len(frame.mark)
    everything, is_over = whole(shape), shape.total > room
    if not is_over.any():
        return everything
    long = shape.take(np.flatnonzero(is_over))
    cut = _cut(long, room - long.outer.sum(axis=1), tokens, mark)
    return TokensKept(
        tags=_put(everything.tags, is_over[shape.round_row], cut.tags),
        start=_put(everything.start, is_over, cut.start),
        end=_put(everything.end, is_over, cut.end),
        resume=_put(everything.resume, is_over, cut.resume),
        marks=_put(everything.marks, is_over, cut.marks),
        is_ended=_put(everything.is_ended, is_over, cut.is_ended),
    )


def demand_room(shape: Shape, tokens: Tokens, frame: Frame) -> None:
    """Raises SettingError where `tokens.max_length` leaves no room for text beside tags and ellipses."""
    text = MARKS * len(frame.mark) + 1
    tags = np.zeros(len(shape), dtype=np.int64)
    if tokens.truncation != "right" and shape.by_round:
        kept = _whole_characters(
            _STRATEGIES[tokens.truncation](shape, _least_of(shape, text), tokens, len(frame.mark)), shape
        )
        tags = shape.by_row(_shown_tags(kept, shape)).sum(axis=1)
    elif tokens.truncation != "right":
        tags = shape.by_row(shape.tags).sum(axis=1)
    least = frame.specials + int((tags + shape.outer.sum(axis=1)).max(initial=0)) + text
    if tokens.max_length < least:
        raise SettingError(
            "tokens.max_length",
            tokens.max_length,
            f"tags and ellipses leave no room for text; at least {least} tokens are needed",
        )


def _cut(shape: Shape, room: Counts, tokens: Tokens, mark: int) -> TokensKept:
    """Rows that are longer than the `room`, (n,), between their ends."""
    if tokens.truncation == "right":
        return _whole_characters(_right(shape, room, mark), shape)
    strategy = _STRATEGIES[tokens.truncation]
    if not shape.by_round:
        return _whole_characters(strategy(shape, room - shape.by_row(shape.tags).sum(axis=1), tokens, mark), shape)

    def tried(text: Counts) -> TokensKept:
        kept = _whole_characters(strategy(shape, text, tokens, mark), shape)
        return replace(kept, tags=_shown_tags(kept, shape))

    # Which tags are needed depends on how much text there is room for, and this on the tags.
    fits = _least_of(shape, MARKS * mark + 1)
    too_much = np.maximum(np.minimum(room, shape.parts.sum(axis=1) - 1), fits) + 1
    while (too_much - fits > 1).any():
        middle = (fits + too_much) // 2
        kept = tried(middle)
        used = (shape.by_row(kept.tags) + kept.by_part(shape)).sum(axis=1) + mark * kept.marks
        fits, too_much = np.where(used <= room, middle, fits), np.where(used <= room, too_much, middle)
    return tried(fits)


def _least_of(shape: Shape, text: int) -> Counts:
    """So many tokens of text, and fewer where a row has no more, (n,)."""
    least: Counts = np.clip(shape.parts.sum(axis=1) - 1, 0, text)
    return least


def _shown_tags(kept: TokensKept, shape: Shape) -> Counts:
    """The tags of the rounds of which something is kept, (m, 3); of a row without any, those of the first."""
    row, first, last = shape.round_row, shape.turns_at, shape.turns_at + shape.rounds
    in_head = np.minimum(kept.end[row], last) > np.maximum(kept.start[row], first)
    in_tail = np.maximum(kept.resume[row], first) < last
    is_shown = (in_head | in_tail).any(axis=1)
    none = ~np.logical_or.reduceat(is_shown, shape.first_rounds)
    is_shown[shape.first_rounds[none]] = True
    return np.where(is_shown[:, None], shape.tags, 0)


def _right(shape: Shape, room: Counts, mark: int) -> TokensKept:
    shown = (room - mark + shape.outer[:, 0])[shape.round_row][:, None]
    tags = np.clip(shown - shape.tag_starts, 0, shape.tags)
    turns = np.clip(shown - shape.tag_starts - shape.tags, 0, shape.rounds)
    return TokensKept(
        tags=tags,
        start=np.zeros_like(shape.parts),
        end=shape.by_row(turns),
        resume=shape.parts,
        marks=np.ones(len(shape), dtype=np.int64),
        is_ended=np.ones(len(shape), dtype=bool),
    )


def _left(shape: Shape, room: Counts, _: Tokens, mark: int) -> TokensKept:
    return _without(shape, np.zeros_like(room), shape.parts.sum(axis=1) - room + 3 * mark)


def _head_tail(shape: Shape, room: Counts, _: Tokens, mark: int) -> TokensKept:
    shown = room - 3 * mark
    head = shown - shown // 2
    return _without(shape, head, shape.parts.sum(axis=1) - shown // 2)


def _without(shape: Shape, first: Counts, last: Counts) -> TokensKept:
    """Everything but the tokens [first, last), counted through the row without its tags."""
    before, row = shape.before(shape.rounds), shape.round_row
    end, resume = (shape.by_row(np.clip(bound[row][:, None] - before, 0, shape.rounds)) for bound in (first, last))
    return _kept(shape, np.zeros_like(end), end, resume)


def _thirds(shape: Shape, room: Counts, _: Tokens, mark: int) -> TokensKept:
    third = room // 3
    return _heads(shape, np.stack([room - 2 * third, third, third], axis=1), mark)


def _proportional(shape: Shape, room: Counts, _: Tokens, mark: int) -> TokensKept:
    return _heads(shape, _shares(room, shape.parts, (1, 2, 2)), mark)


def _longest_first(shape: Shape, room: Counts, tokens: Tokens, mark: int) -> TokensKept:
    wanted = shape.parts.copy()
    if tokens.prompt_max is not None:
        excess = shape.parts.sum(axis=1) - room
        most = max(tokens.prompt_max, mark)
        wanted[:, 0] -= np.clip(wanted[:, 0] - most, 0, excess)
    return _heads(shape, _shares(room, wanted, (1, 1, 1)), mark)


def _rounds(shape: Shape, room: Counts, _: Tokens, mark: int) -> TokensKept:
    room = room - 6 * mark  # a part can have a gap before the round that is cut, and one inside it
    in_round = shape.rounds.sum(axis=1)
    through = np.cumsum(in_round)
    last_of_row = np.cumsum(shape.round_counts) - 1
    from_here_on = through[last_of_row][shape.round_row] - through + in_round
    fitting = np.bincount(shape.round_row[from_here_on <= room[shape.round_row]], minlength=len(shape))
    fitting = np.minimum(fitting, shape.round_counts - 1)
    cut = last_of_row - fitting
    newer = np.where(fitting > 0, through[last_of_row] - through[cut], 0)
    heads = _shares(room - newer, shape.rounds[cut], (1, 2, 2))
    start = shape.turns_at[cut]
    resume = start + shape.rounds[cut]
    start = np.where(heads > 0, start, 0)
    return _kept(shape, start, start + heads, resume)


_STRATEGIES: dict[str, Callable[[Shape, Counts, Tokens, int], TokensKept]] = {
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
    end = np.maximum(start, end)
    gaps = (start > 0).sum(axis=1) + (resume > end).sum(axis=1)
    return TokensKept(shape.tags, start, end, resume, gaps, np.zeros(len(shape), dtype=bool))


def _whole_characters(kept: TokensKept, shape: Shape) -> TokensKept:
    """The same without the tokens of characters that are kept in part."""
    end, resume = kept.end.copy(), kept.resume.copy()
    while (inside := (end < shape.parts) & (end > kept.start) & shape.continues(end)).any():
        end[inside] -= 1
    while (inside := (resume < shape.parts) & shape.continues(resume)).any():
        resume[inside] += 1
    return replace(kept, end=end, resume=resume)


def _put(of_all: Bounds, rows: NDArray[np.bool_], of_long: Bounds) -> Bounds:
    of_all = of_all.copy()
    of_all[rows] = of_long
    return of_all
