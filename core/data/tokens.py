"""Rows as token ids: whole, divided into tags and turns, as the model will be shown them; and a digest of them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.example import Example, Frame, segments
from core.data.shape import Shape, shape_of
from core.data.split import id_key
from core.data.tokenizer import PromptTokenizer
from core.data.truncation import TokensKept, keep, spans
from core.data.words import WordEncoder, can_split, ended_before
from core.profile import settings
from core.profile.settings import Profile
from core.runs.events import Phase, RowsDigest
from core.runs.record import Record

BATCH = 512

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
        """What the Trainer's collator takes."""
        return {"input_ids": self.ids, "labels": self.example.label}

    @property
    def is_cut(self) -> bool:
        return len(self.ids) < self.full_length


class Encoder:
    """Encodes rows whole. Holds what it has learned of their words."""

    def __init__(self, tokenizer: PromptTokenizer) -> None:
        self._tokenizer = tokenizer
        self._words = WordEncoder(tokenizer.backend) if can_split(tokenizer.spec) else None

    def encode(self, rows: Sequence[Example]) -> UncutRows:
        """All tokens of `rows`. A token belongs to the tag or turn that holds its last character."""
        texts = [segments(row.prompt, row.response_a, row.response_b) for row in rows]
        encoded = self._words.encode(texts) if self._words else self._plainly(texts)
        ids = [row_ids for row_ids, _ in encoded]
        shape = shape_of(
            [_by_part(row, ends) for row, (_, ends) in zip(rows, encoded, strict=True)],
            [np.flatnonzero(self._tokenizer.continues[row_ids]) for row_ids in ids],
        )
        return UncutRows(ids, shape)

    def _plainly(self, texts: list[list[str]]) -> list[tuple[Ids, list[int]]]:
        encodings = self._tokenizer.backend.encode_batch(["".join(text) for text in texts], add_special_tokens=False)
        encoded = []
        for text, encoding in zip(texts, encodings, strict=True):
            ends = np.cumsum([len(segment) for segment in text])
            counts = [ended_before(encoding, end) for end in ends[:-1].tolist()]
            encoded.append((np.array(encoding.ids, dtype=np.int32), [*counts, len(encoding.ids)]))
        return encoded


def encode(examples: Sequence[Example], tokenizer: PromptTokenizer, tokens: settings.Tokens) -> Iterator[list[Encoded]]:
    """Encodes `examples` batch by batch: BOS, the text cut where it is too long, EOS.

    Raises SettingError where the limit leaves no room for text.
    """
    encoder, frame = Encoder(tokenizer), tokenizer.frame(tokens.ellipsis)
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
    shown = []
    for row, ids in enumerate(whole.ids):
        content = [ids]
        if kept.marks[row]:
            content = [ids[slice(*span)] if span else mark for span in spans(kept, whole.shape, row)]
        shown.append(np.concatenate([begin, *content, end]))
    return shown


def _by_part(row: Example, ends: Sequence[int]) -> list[list[int]]:
    """Token counts per part: that of its tag, then those of its turns."""
    counts = np.diff(ends, prepend=0).tolist()
    by_part = []
    for turns in (row.prompt, row.response_a, row.response_b):
        by_part.append(counts[: 1 + len(turns)])
        counts = counts[1 + len(turns) :]
    return by_part


def rows_digest(rows: Sequence[Encoded]) -> RowsDigest:
    """Digests of the ids, the labels and the token ids of `rows`, row by row."""
    ids = np.array([id_key(row.example.id) for row in rows], dtype=np.int64)
    labels = np.array([row.example.label for row in rows], dtype=np.int8)
    lengths = np.array([len(row.ids) for row in rows], dtype=np.int32)
    return RowsDigest(
        ids=_digest([ids]), labels=_digest([labels]), tokens=_digest([lengths, *(row.ids for row in rows)])
    )


def _digest(arrays: Iterable[NDArray[np.integer]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def encode_all(
    rows: Sequence[Example], tokenizer: PromptTokenizer, profile: Profile, record: Record, unit: str
) -> list[Encoded]:
    """All `rows` in tokens; `unit` says in the record what they are."""
    encoded = []
    for batch in encode(rows, tokenizer, profile.tokens):
        encoded += batch
        record.write(Phase(phase="tokenizing", done=len(encoded), total=len(rows), unit=unit))
    return encoded
