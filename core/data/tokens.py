"""Token ids as the model will be shown them. Knows no batches and no padding."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from core.data.errors import DataError
from core.data.prompt import join
from core.data.rows import Example

BATCH = 512


class Encoded(Struct, frozen=True):
    """One example in tokens: `ids` of shape (tokens,), int32, BOS and EOS included."""

    example: Example
    ids: NDArray[np.int32]
    full_length: int
    """Tokens before the cut, BOS and EOS included."""

    @property
    def features(self) -> dict[str, Any]:
        """What the Trainer's collator takes."""
        return {"input_ids": self.ids, "labels": self.example.label}

    @property
    def is_cut(self) -> bool:
        return self.full_length > len(self.ids)


def encode(examples: Sequence[Example], tokenizer: PreTrainedTokenizerFast, max_length: int) -> Iterator[list[Encoded]]:
    """Encodes `examples` batch by batch: BOS, the text cut on the right where it is too long, EOS.

    BOS and EOS are put there by hand, because what a tokenizer adds by itself differs between families and
    versions; a family without one of them (Qwen has no BOS) goes without it. Encoders' [CLS] and [SEP] stand
    in for them. Raises DataError if the first row does not come out so.
    """
    begin = _either(tokenizer.bos_token_id, tokenizer.cls_token_id)
    end = _either(tokenizer.eos_token_id, tokenizer.sep_token_id)
    room = max_length - len(begin) - len(end)
    for first in range(0, len(examples), BATCH):
        batch = examples[first : first + BATCH]
        texts = [join(row.prompt, row.response_a, row.response_b) for row in batch]
        tokenized = tokenizer(texts, add_special_tokens=False, truncation=False)
        encoded = [
            Encoded(
                example,
                np.array([*begin, *ids[:room], *end], dtype=np.int32),
                full_length=len(begin) + len(ids) + len(end),
            )
            for example, ids in zip(batch, tokenized["input_ids"], strict=True)
        ]
        if first == 0:
            _verify(encoded[0], begin, end, tokenizer)
        yield encoded


def _either(first: int | None, second: int | None) -> list[int]:
    chosen = second if first is None else first
    return [] if chosen is None else [chosen]


def _verify(row: Encoded, begin: list[int], end: list[int], tokenizer: PreTrainedTokenizerFast) -> None:
    ids = row.ids.tolist()
    body = ids[len(begin) : len(ids) - len(end)]
    if ids[: len(begin)] != begin or ids[len(ids) - len(end) :] != end or not body or body[:1] == begin:
        raise DataError(
            f"id {row.example.id}: the tokenizer does not give one BOS, the text and one EOS, but "
            f"{tokenizer.convert_ids_to_tokens(ids[:3])} ... {tokenizer.convert_ids_to_tokens(ids[-3:])}"
        )
