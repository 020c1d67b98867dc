"""A row's tokens as text: by part with what is lost behind the cut, or in one sequence as the model sees it. No widget.

Long stretches are drawn at both ends only, so that every cut is seen and a row of any length costs the same.
"""

import codecs
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from textual.content import Content

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable_lines
from core.data.example import Frame
from core.data.kept import TokensKept, parts_of, spans
from core.data.shape import Shape
from core.data.truncation import keep
from core.inspect.figures import Rows
from core.inspect.lookup import StoredRow
from core.profile.token_settings import Tokens

COLOURS = ("$foreground", "$answer-a", "$answer-b")
"""Prompt, A and B."""
CUT = "bold $background on $text-warning"
SPECIAL = "bold $background on $foreground 80%"
MOST_DRAWN = 3000
"""Tokens of one stretch that are drawn."""

Span = tuple[str, str]
"""Text, printable, and its style."""


class ShownSequence(Struct, frozen=True):
    """Tokens without BOS and EOS, how they are divided, and what is kept of them (shapes of one row)."""

    ids: Sequence[int]
    shape: Shape
    kept: TokensKept
    frame: Frame
    pieces: Sequence[bytes]
    parts: tuple[int, ...]
    """Which part of the row each of its parts is."""

    def text(self, part: int, first: int, last: int) -> str:
        """What the tokens [first, last) of a part write; each turn on a line of its own where others stand between."""
        written = b""
        for one in self.shape.stretches(0):
            if one.is_tag or one.part != part:
                continue
            begin, end = max(first - one.at, 0), min(last - one.at, one.last - one.first)
            if begin < end:
                written += b"\n" if one.at and not begin else b""
                written += b"".join(self.pieces[token] for token in self.ids[one.first + begin : one.first + end])
        return written.decode(errors="replace")


class ShownRow(Struct, frozen=True):
    """One row in each sequence that it is read as: one; or, where answers are read apart, one with A and one with B."""

    sequences: Sequence[ShownSequence]

    @classmethod
    def of(
        cls, stored: StoredRow, rows: Rows, number: int, tokens: Tokens, frame: Frame, pieces: Sequence[bytes]
    ) -> "ShownRow":
        """The row of that number among `rows`, as `tokens` cuts it."""
        shapes = [shape.take(np.array([number])) for shape in rows.shapes]
        orders = ((0, 1, 2), (0, 2, 1))
        return cls(
            [
                ShownSequence(ids, shape, keep(shape, tokens, frame), frame, pieces, order)
                for ids, shape, order in zip(stored.ids, shapes, orders, strict=False)
            ]
        )

    def stretches(self, part: int) -> list[tuple[int, int, bool]]:
        """All of a part in order: stretches [first, last) of its tokens, and whether they are kept."""
        sequence, own = self._holding(part)
        return parts_of(sequence.kept, sequence.shape, 0, own)

    def text(self, part: int, first: int, last: int) -> str:
        """What the tokens [first, last) of a part write; each turn on a line of its own where others stand between."""
        sequence, own = self._holding(part)
        return sequence.text(own, first, last)

    def counts(self, part: int) -> tuple[int, int]:
        """How many tokens of a part are kept, and how many it has."""
        sequence, own = self._holding(part)
        return int(sequence.kept.by_part(sequence.shape)[0, own]), int(sequence.shape.parts[0, own])

    def _holding(self, part: int) -> tuple[ShownSequence, int]:
        """The sequence with a part, and which of its own that is; of the prompt, that which keeps less of it."""
        if part == 0:
            return min(self.sequences, key=lambda one: int(one.kept.by_part(one.shape)[0, 0])), 0
        with_it = self.sequences[(part - 1) % len(self.sequences)]
        return with_it, with_it.parts.index(part)


def part_text(row: ShownRow, part: int) -> Content:
    """A part's whole text; the cut stands where it falls, and what is lost is dim and struck."""
    shown: list[Span] = []
    every = row.stretches(part)
    for first, last, is_kept in every:
        style = COLOURS[part] if is_kept else f"dim strike {COLOURS[part]}"
        shown += [] if is_kept else [(f"✂ {numbers.count(last - first)} lost ", CUT)]
        shown += _text(row, part, first, last, style)
        shown += [] if is_kept or last == every[-1][1] else [(" ✂", CUT)]
    return Content.assemble(*shown)


def sequence_text(row: ShownRow, *, with_ids: bool) -> Content:
    """What the model is given, token by token in two shades: BOS, what is kept with ellipses between, EOS. Of two
    sequences each has lines of its own."""
    return Content("\n\n").join(_sequence(one, with_ids=with_ids) for one in row.sequences)


def _sequence(row: ShownSequence, *, with_ids: bool) -> Content:
    shown: list[Span] = [*_specials(row, row.frame.begin, SPECIAL, with_ids)]
    for span in spans(row.kept, row.shape, 0):
        if span is None:
            shown += _specials(row, row.frame.mark, CUT, with_ids)
        else:
            shown += _tokens(row, *span, with_ids=with_ids)
    return Content.assemble(*shown, *_specials(row, row.frame.end, SPECIAL, with_ids))


def lines_of_cuts(text: Content, width: int) -> list[int]:
    """The lines, from 0, of a text that is wrapped at `width` cells, on which something is cut or goes on after it."""
    return sorted({len(text[: span.start + 1].wrap(width)) - 1 for span in text.spans if span.style == CUT})


def _text(row: ShownRow, part: int, first: int, last: int, style: str) -> Iterator[Span]:
    for begin, end, left_out in _drawn(first, last):
        yield "\n".join(printable_lines(row.text(part, begin, end))), style
        if left_out:
            yield f"\n… {numbers.count(left_out)} tokens are not drawn …\n", MUTED


def _tokens(row: ShownSequence, first: int, last: int, *, with_ids: bool) -> Iterator[Span]:
    every = row.shape.stretches(0)
    for begin, end, left_out in _drawn(first, last):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may be spread over several tokens
        for place in range(begin, end):
            token = row.ids[place]
            of = next(one for one in every if one.first <= place < one.last)
            text = decoder.decode(row.pieces[token], final=place == end - 1)
            yield _visible(text), _shade(row.parts[of.part], is_tag=of.is_tag, is_odd=place % 2 == 1)
            if with_ids:
                yield f"{token} ", MUTED
        if left_out:
            yield f"\n… {numbers.count(left_out)} tokens are not drawn …\n", MUTED


def _specials(row: ShownSequence, ids: Sequence[int], style: str, with_ids: bool) -> Iterator[Span]:
    for token in ids:
        yield _visible(row.pieces[token].decode(errors="replace")) or f"<{token}>", style
        if with_ids:
            yield f"{token} ", MUTED


def _drawn(first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """The stretches of [first, last) that are drawn, each with how many tokens are left out behind it."""
    half = MOST_DRAWN // 2
    if last - first <= MOST_DRAWN:
        yield first, last, 0
    else:
        yield first, first + half, last - first - 2 * half
        yield last - half, last, 0


def _visible(text: str) -> str:
    """Line ends are seen, and end the line."""
    return "⏎\n".join(printable_lines(text))


def _shade(part: int, *, is_tag: bool, is_odd: bool) -> str:
    if is_tag:
        return f"bold $foreground on $foreground {24 if is_odd else 14}%"
    if part == 0:
        return f"$foreground on $foreground {14 if is_odd else 5}%"
    return f"$foreground on {COLOURS[part]} {40 if is_odd else 20}%"
