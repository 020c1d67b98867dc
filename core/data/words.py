"""Encodes text word by word and remembers the words, for tokenizers whose tokens never reach across a space.

SentencePiece vocabularies such as Gemma's have no pre-tokenizer: a whole conversation goes through the merges at
once, although no token holds anything behind which a space begins. Cut there, words give the same ids, and the
same words come again and again.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from core.data.vocabulary import SPACE

MOST_TOKENS_REMEMBERED = 2_000_000

_WORD = re.compile(f"[ {SPACE}]*[^ {SPACE}]+|[ {SPACE}]+")
_ACROSS = re.compile(f"[^ {SPACE}][ {SPACE}]")


def can_split(spec: dict[str, Any]) -> bool:
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


class WordEncoder:
    """Encodes texts by their words. `backend` must be a tokenizer that `can_split`."""

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self._ids: dict[str, list[int]] = {}
        self._inside: dict[tuple[str, int], int] = {}
        self._remembered = 0

    def encode(self, texts: Sequence[Sequence[str]]) -> list[tuple[NDArray[np.int32], list[int]]]:
        """The ids of each text, given in segments, and how many of them each segment and those before it take up."""
        found = [_words(segments) for segments in texts]
        if self._remembered > MOST_TOKENS_REMEMBERED:
            self._ids, self._inside, self._remembered = {}, {}, 0
        self._learn({word for words, _ in found for word in words})
        self._divide({(words[number], at) for words, ends in found for number, at in ends if at})
        return [self._put_together(words, ends) for words, ends in found]

    def _learn(self, words: set[str]) -> None:
        new = list(words - self._ids.keys())
        for word, encoding in zip(new, self._backend.encode_batch_fast(new, add_special_tokens=False), strict=True):
            self._ids[word] = encoding.ids
            self._remembered += len(encoding.ids)

    def _divide(self, places: set[tuple[str, int]]) -> None:
        new = list(places - self._inside.keys())
        encodings = self._backend.encode_batch([word for word, _ in new], add_special_tokens=False)
        for (word, at), encoding in zip(new, encodings, strict=True):
            self._inside[word, at] = ended_before(encoding, at)

    def _put_together(self, words: list[str], ends: list[tuple[int, int]]) -> tuple[NDArray[np.int32], list[int]]:
        ids: array[int] = array("i")
        counts = []
        done = 0
        for number, at in ends:
            ids.extend(chain.from_iterable(map(self._ids.__getitem__, words[done:number])))
            done = number
            counts.append(len(ids) + (self._inside[words[number], at] if at else 0))
        return np.frombuffer(ids, dtype=np.int32), counts


def ended_before(encoding: Encoding, at: int) -> int:
    """How many tokens have their last character before character `at` of the text."""
    token = encoding.char_to_token(at)
    if token is None:  # a character that the tokenizer drops
        return sum(end <= at for _, end in encoding.offsets)
    return int(token)


def _words(segments: Sequence[str]) -> tuple[list[str], list[tuple[int, int]]]:
    """The words of a text, and where each segment ends: in which word, and how many characters into it."""
    words: list[str] = _WORD.findall("".join(segments))
    word_ends = list(accumulate(map(len, words)))
    ends = []
    for end in accumulate(map(len, segments)):
        number = bisect_right(word_ends, end)
        ends.append((number, end - word_ends[number - 1] if number else end))
    return words, ends
