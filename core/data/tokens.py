"""Rows as token ids: whole, divided into tags and turns, as the model will be shown them; and a digest of them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.example import Example, Frame, Turns, swapped
from core.data.kept import TokensKept, spans
from core.data.shape import RowCounts, Shape, shape_of
from core.data.split import id_key
from core.data.template import Template, rounds_of
from core.data.tokenizer import PromptTokenizer
from core.data.truncation import keep
from core.data.words import WordEncoder, can_split, ended_before
from core.profile.settings import Profile
from core.profile.token_settings import Tokens
from core.runs.events import Phase
from core.runs.figures import RowsDigest
from core.runs.record import Record

BATCH = 512
TAUGHT = "taught"
"""The feature of a row that holds what its teachers say, weight times probability, (outcomes,)."""

Ids = NDArray[np.int32]


class UncutRows(Struct, frozen=True):
    """Rows in tokens before anything is cut and without BOS and EOS: `ids` by row, `shape` says what they are."""

    ids: list[Ids]
    shape: Shape


class Encoded(Struct, frozen=True):
    """One example in tokens: `ids` of shape (tokens,), int32, BOS and EOS included."""

    example: Example
    ids: Ids
    full_length: int
    """Tokens before the cut, BOS and EOS included."""
    lost: tuple[int, int, int]
    """Tokens of prompt, response A and response B that are not shown."""
    parts: tuple[int, int, int]
    """Tokens of prompt, response A and response B before the cut."""

    @property
    def features(self) -> dict[str, Any]:
        """What the Trainer's collator takes of a row; its label is the number of an outcome."""
        return {"input_ids": self.ids, "labels": self.example.label}

    @property
    def is_cut(self) -> bool:
        return len(self.ids) < self.full_length


def are_plain(rows: Sequence[Encoded]) -> bool:
    """Whether all of them count in training as their labels alone say."""
    return all(row.example.is_plain for row in rows)


def training_features(rows: Sequence[Encoded], outcomes: int) -> list[dict[str, Any]]:
    """What the Trainer's collator takes of rows to train on. Where one of them is not plain, labels are of the shape
    (outcomes,): weight times probability, as cross-entropy takes them. Where one has a teacher, all
    have TAUGHT, which is 0 where none tells of the row."""
    features = [row.features for row in rows]
    if not are_plain(rows):
        features = [{**row, "labels": of.example.target[:outcomes]} for row, of in zip(features, rows, strict=True)]
    if any(row.example.taught for row in rows):
        features = [{**row, TAUGHT: of.example.lesson[:outcomes]} for row, of in zip(features, rows, strict=True)]
    return features


class Encoder:
    """Encodes rows whole. Holds what it has learned of their words."""

    def __init__(self, tokenizer: PromptTokenizer, template: Template) -> None:
        self.template = template
        self._tokenizer = tokenizer
        self._words = WordEncoder(tokenizer.backend) if can_split(tokenizer.spec) else None
        fixed = {template.before, *template.tags, f"{template.separator}{template.tags[0]}", template.after}
        self._parsed = {} if template.is_plain else {text: tokenizer.parsed(text) for text in fixed}

    def encode(self, rows: Sequence[Example]) -> UncutRows:
        """All tokens of `rows`. A token belongs to the tag or turn that holds its last character."""
        texts = [self.template.segments(*self.template.parts(row)) for row in rows]
        encoded = self._encoded(texts) if self.template.is_plain else self._around_specials(rows, texts)
        ids = [row_ids for row_ids, _ in encoded]
        shape = shape_of(
            [self._divided(row, counts) for row, (_, counts) in zip(rows, encoded, strict=True)],
            [np.flatnonzero(self._tokenizer.continues[row_ids]) for row_ids in ids],
            by_round=self.template.by_round,
        )
        return UncutRows(ids, shape)

    def sequences(self, rows: Sequence[Example]) -> tuple[UncutRows, ...]:
        """The same of each sequence that a row is read as: one, or, where answers are read apart, one with A and one
        with B."""
        if not self.template.is_apart:
            return (self.encode(rows),)
        return self.encode(rows), self.encode([swapped(row) for row in rows])

    def _encoded(self, texts: Sequence[Sequence[str]]) -> list[tuple[Ids, list[int]]]:
        """The ids of each text, which is given in segments, and how many of them are each segment's."""
        encoded = self._words.encode(texts) if self._words else self._plainly(texts)
        return [(ids, np.diff(ends, prepend=0).tolist()) for ids, ends in encoded]

    def _plainly(self, texts: Sequence[Sequence[str]]) -> list[tuple[Ids, list[int]]]:
        encodings = self._tokenizer.backend.encode_batch(["".join(text) for text in texts], add_special_tokens=False)
        encoded = []
        for text, encoding in zip(texts, encodings, strict=True):
            ends = np.cumsum([len(segment) for segment in text])
            counts = [ended_before(encoding, end) for end in ends[:-1].tolist()]
            encoded.append((np.array(encoding.ids, dtype=np.int32), [*counts, len(encoding.ids)]))
        return encoded

    def _around_specials(self, rows: Sequence[Example], texts: Sequence[Sequence[str]]) -> list[tuple[Ids, list[int]]]:
        """The same, with the special tokens of the fixed texts: what stands between two of them is encoded as one
        text, in which nothing is special, whatever it is like."""
        pieces = [self._pieces(row, text) for row, text in zip(rows, texts, strict=True)]
        between = [_between_specials(of_row) for of_row in pieces]
        with self._tokenizer.turns_as_plain_text():
            encoded = iter(self._encoded(list(chain.from_iterable(between))))
        found = []
        for of_row, runs in zip(pieces, between, strict=True):
            ids, run_counts = zip(*islice(encoded, len(runs)), strict=True)
            counts_of_texts = chain.from_iterable(run_counts)
            specials = [piece for segment in of_row for piece in segment if isinstance(piece, int)]
            counts = [
                sum(1 if isinstance(piece, int) else next(counts_of_texts) for piece in segment) for segment in of_row
            ]
            gaps = [np.array([special], dtype=np.int32) for special in specials]
            found.append((np.concatenate([*chain.from_iterable(zip(ids, gaps, strict=False)), ids[-1]]), counts))
        return found

    def _pieces(self, row: Example, text: Sequence[str]) -> list[Sequence[str | int]]:
        """Each segment in pieces: a fixed one by its special tokens, a turn as it is."""
        is_fixed = _is_fixed(self.template.parts(row), by_round=self.template.by_round)
        return [self._parsed[segment] if fixed else [segment] for segment, fixed in zip(text, is_fixed, strict=True)]

    def _divided(self, row: Example, counts: list[int]) -> RowCounts:
        """`counts` are those of the segments of the row."""
        before, *within, after = counts
        parts = self.template.parts(row)
        rounds = rounds_of(parts)
        if self.template.by_round:
            by_round = [within[first : first + 6] for first in range(0, 6 * rounds, 6)]
            return RowCounts((before, after), [one[::2] for one in by_round], [one[1::2] for one in by_round])
        tags, turns = [], []
        for part in parts:
            tags.append(within[0])
            turns.append([*within[1 : 1 + len(part)], *[0] * (rounds - len(part))])
            within = within[1 + len(part) :]
        return RowCounts(
            (before, after), [tags, *[[0, 0, 0]] * (rounds - 1)], list(map(list, zip(*turns, strict=True)))
        )


def _is_fixed(parts: Sequence[Turns], *, by_round: bool) -> list[bool]:
    """Which segments of a row of these `parts` are the template's."""
    if by_round:
        return [True, *[True, False] * (3 * rounds_of(parts)), True]
    return [True, *chain.from_iterable([True, *[False] * len(part)] for part in parts), True]


def _between_specials(segments: Sequence[Sequence[str | int]]) -> list[list[str]]:
    """The texts before, between and behind the special tokens, each in pieces."""
    found: list[list[str]] = [[]]
    for piece in chain.from_iterable(segments):
        if isinstance(piece, int):
            found.append([])
        else:
            found[-1].append(piece)
    return found


def encode(
    examples: Sequence[Example], tokenizer: PromptTokenizer, tokens: Tokens, template: Template
) -> Iterator[list[Encoded]]:
    """Encodes `examples` batch by batch: BOS, the text cut where it is too long, EOS. `template` is that of `tokens`.

    Raises SettingError where the limit leaves no room for text.
    """
    encoder, frame = Encoder(tokenizer, template), tokenizer.frame(tokens.ellipsis)
    for first in range(0, len(examples), BATCH):
        batch = examples[first : first + BATCH]
        whole = encoder.encode(batch)
        kept = keep(whole.shape, tokens, frame)
        full = (whole.shape.total + frame.specials).tolist()
        lost = (whole.shape.parts - kept.by_part(whole.shape)).tolist()
        rows = zip(batch, show(whole, kept, frame), full, lost, whole.shape.parts.tolist(), strict=True)
        yield [Encoded(example, ids, length, tuple(gone), tuple(of)) for example, ids, length, gone, of in rows]


def show(whole: UncutRows, kept: TokensKept, frame: Frame) -> list[Ids]:
    """What the model is shown of each row, BOS and EOS included."""
    begin, end, mark = (np.array(ids, dtype=np.int32) for ids in (frame.begin, frame.end, frame.mark))
    shown, is_cut = [], kept.total(whole.shape) < whole.shape.total
    for row, ids in enumerate(whole.ids):
        content = [ids]
        if is_cut[row]:
            content = [ids[slice(*span)] if span else mark for span in spans(kept, whole.shape, row)]
        shown.append(np.concatenate([begin, *content, end]))
    return shown


def rows_digest(rows: Sequence[Encoded]) -> RowsDigest:
    """Digests of the ids, the labels and the token ids of `rows`, row by row. With labels that are not plain go weights
    and probabilities, and with rows that have teachers what these say."""
    ids = np.array([id_key(row.example.id) for row in rows], dtype=np.int64)
    labels = [np.array([row.example.label for row in rows], dtype=np.int8)]
    targets = [] if are_plain(rows) else [np.array([row.example.target for row in rows])]
    if any(row.example.taught for row in rows):
        targets.append(np.array([row.example.lesson for row in rows]))
    lengths = np.array([len(row.ids) for row in rows], dtype=np.int32)
    return RowsDigest(
        ids=_digest([ids]),
        labels=_digest([*labels, *targets]),
        tokens=_digest([lengths, *(row.ids for row in rows)]),
    )


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def encode_all(
    rows: Sequence[Example],
    tokenizer: PromptTokenizer,
    template: Template,
    profile: Profile,
    record: Record,
    unit: str,
) -> list[Encoded]:
    """All `rows` in tokens; `unit` says in the record what they are."""
    encoded = []
    for batch in encode(rows, tokenizer, profile.tokens, template):
        encoded += batch
        record.write(Phase(phase="tokenizing", done=len(encoded), total=len(rows), unit=unit))
    return encoded
