"""Encodes text word by word and remembers the words, for tokenizers whose tokens never reach across a space.

SentencePiece vocabularies such as Gemma's have no pre-tokenizer: a whole conversation goes through the merges at
once, although no token holds anything behind which a space begins. Cut there, words give the same ids, and the
same words come again and again.
"""

import re
from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from core.data.tokenizer import SPACE, Spec

MOST_TOKENS_REMEMBERED = 2_000_000

_WORD = re.compile(f"[ {SPACE}]*[^ {SPACE}]+|[ {SPACE}]+")
_ACROSS = re.compile(f"[^ {SPACE}][ {SPACE}]")


def can_split(spec: Spec) -> bool:
    """Whether the tokenizer of this tokenizer.json gives the same ids for a text and for its words.

    So it is where spaces are only rewritten as ▁ before byte-pair merges, and no entry of the vocabulary, on
    which all merges end, has a space or ▁ behind another character.
    """
    model, normalizer = spec["model"], spec["normalizer"]
    replaces_spaces = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    return (
        model["type"] == "BPE"
        and spec["pre_tokenizer"] is None
        and normalizer == replaces_spaces
        and not model.get("dropout")
        and not any(model.get(affix) for affix in ("continuing_subword_prefix", "end_of_word_suffix"))
        and not any(t["lstrip"] or t["rstrip"] or t["single_word"] for t in spec["added_tokens"])
        and not any(_ACROSS.search(t["content"]) for t in spec["added_tokens"])
        and not any(map(_ACROSS.search, model["vocab"]))
    )


class _Numbers(dict[str, int]):
    """Numbers words from 0 in the order they come; `new` holds those that have not been encoded."""

    def __init__(self) -> None:
        self.new: list[str] = []

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        self.new.append(word)
        return number


class WordEncoder:
    """Encodes texts by their words. `backend` must be a tokenizer that `can_split`."""

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self._forget()

    def encode(self, texts: Sequence[Sequence[str]]) -> list[tuple[NDArray[np.int32], list[int]]]:
        """The ids of each text, given in segments, and how many of them each segment and those before it take up.

        All texts are laid end to end; no word reaches from one into the next.
        """
        if len(self._ids) > MOST_TOKENS_REMEMBERED:
            self._forget()
        words = [_WORD.findall("".join(segments)) for segments in texts]
        count = sum(map(len, words))
        numbers = np.fromiter(map(self._numbers.__getitem__, chain.from_iterable(words)), np.int64, count)
        self._learn()
        word_ends = np.concatenate([[0], np.cumsum(self._characters[numbers])])
        token_ends = np.concatenate([[0], np.cumsum(self._tokens[numbers])])

        segment_ends = np.cumsum([len(segment) for segments in texts for segment in segments])
        in_word = np.searchsorted(word_ends, segment_ends, side="right") - 1
        ends = token_ends[in_word]
        for cut in np.flatnonzero(segment_ends > word_ends[in_word]):
            ends[cut] += self._ended_within(
                int(numbers[in_word[cut]]), int(segment_ends[cut] - word_ends[in_word[cut]])
            )

        first_ids = np.repeat(self._first[numbers] - token_ends[:-1], self._tokens[numbers])
        ids = self._ids[first_ids + np.arange(token_ends[-1])]
        of_text = np.split(ends, np.cumsum([len(segments) for segments in texts])[:-1])
        text_ends = [0, *(int(text[-1]) for text in of_text)]
        return [
            (ids[first:last], (text - first).tolist())
            for (first, last), text in zip(pairwise(text_ends), of_text, strict=True)
        ]

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._within: dict[tuple[int, int], int] = {}
        self._words: list[str] = []
        self._ids = np.zeros(0, dtype=np.int32)
        self._first, self._tokens, self._characters = (np.zeros(0, dtype=np.int64) for _ in range(3))

    def _learn(self) -> None:
        """Encode the words that are new: their ids go behind those of all others."""
        new, self._numbers.new = self._numbers.new, []
        encoded = [e.ids for e in self._backend.encode_batch_fast(new, add_special_tokens=False)]
        tokens = np.array([len(ids) for ids in encoded], dtype=np.int64)
        self._words += new
        self._first = np.concatenate([self._first, len(self._ids) + np.cumsum(tokens) - tokens])
        self._tokens = np.concatenate([self._tokens, tokens])
        self._characters = np.concatenate([self._characters, np.array([len(word) for word in new], dtype=np.int64)])
        self._ids = np.concatenate([self._ids, np.fromiter(chain.from_iterable(encoded), np.int32, tokens.sum())])

    def _ended_within(self, number: int, at: int) -> int:
        """How many tokens of a word have their last character before character `at` of it."""
        if (number, at) not in self._within:
            encoding = self._backend.encode(self._words[number], add_special_tokens=False)
            self._within[number, at] = ended_before(encoding, at)
        return self._within[number, at]


def ended_before(encoding: Encoding, at: int) -> int:
    """How many tokens have their last character before character `at` of the text."""
    token = encoding.char_to_token(at)
    if token is None:  # a character that the tokenizer drops
        return sum(end <= at for _, end in encoding.offsets)
    return int(token)
