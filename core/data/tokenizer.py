"""A checkpoint's tokenizer as every part of the engine uses it: read from its own files, BOS and EOS set by hand.

Imports no transformers, which takes seconds to load.
"""

import hashlib
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.bounded import MOST_OF_A_CONFIG, MOST_OF_A_TOKENIZER, read_bounded
from core.data.errors import DataError
from core.data.frame import Frame
from core.data.vocabulary import Spec, continuations, pieces

FILE = "tokenizer.json"
_SETTINGS = ("special_tokens_map.json", "tokenizer_config.json")


class PromptTokenizer:
    """Text to token ids, without anything a tokenizer adds by itself: that differs between families and versions.

    `begin` and `end` are the ids of BOS and EOS; a family without one of them (Qwen has no BOS) goes without it,
    and an encoder's [CLS] and [SEP] stand in for them.
    """

    def __init__(self, folder: Path) -> None:
        """Raises DataError where `folder` has no tokenizer that can be read."""
        path = folder / FILE
        try:
            content = read_bounded(path, MOST_OF_A_TOKENIZER)
            self.spec = msgspec.json.decode(content, type=Spec)
            self.backend = Tokenizer.from_buffer(content)
            named = _named(folder)
        except Exception as error:  # noqa: BLE001  (tokenizers raises the bare class)
            raise DataError(f"{path}: no tokenizer that can be read: {error}") from None
        self.backend.no_truncation()
        self.backend.no_padding()
        self.begin = self._either(named, "bos_token", "cls_token")
        self.end = self._either(named, "eos_token", "sep_token")

    @cached_property
    def pieces(self) -> list[bytes]:
        """What each token writes."""
        return pieces(self.backend, self.spec)

    @cached_property
    def continues(self) -> NDArray[np.bool_]:
        """Whether each token begins in the middle of a character."""
        return continuations(self.backend, self.spec)

    def frame(self, ellipsis: str) -> Frame:
        """What is put around and between what is kept of a row."""
        return Frame(begin=self.begin, end=self.end, mark=self.ids(ellipsis))

    def ids(self, text: str) -> list[int]:
        """The ids of a short text, such as an ellipsis."""
        return list(self.backend.encode(text, add_special_tokens=False).ids)

    def _either(self, named: dict[str, str], first: str, second: str) -> list[int]:
        for kind in (first, second):
            if kind in named and (number := self.backend.token_to_id(named[kind])) is not None:
                return [number]
        return []


def fingerprint(folder: Path) -> str:
    """A digest of all files that decide what the tokenizer of `folder` does. Raises DataError where there is none."""
    digest = hashlib.blake2b(digest_size=12)
    try:
        for path in (folder / name for name in (FILE, *_SETTINGS)):
            if path.is_file() or path.name == FILE:
                digest.update(read_bounded(path, MOST_OF_A_TOKENIZER))
    except OSError as error:
        raise DataError(f"{folder / FILE}: no tokenizer that can be read: {error}") from None
    return digest.hexdigest()


def _named(folder: Path) -> dict[str, str]:
    """The special tokens that the files beside tokenizer.json name; the last file has the last word."""
    named: dict[str, str] = {}
    for path in (folder / name for name in _SETTINGS):
        if not path.is_file():
            continue
        for kind, token in msgspec.json.decode(read_bounded(path, MOST_OF_A_CONFIG)).items():
            if kind.endswith("_token") and isinstance(token, dict):
                named[kind] = token["content"]
            elif kind.endswith("_token") and isinstance(token, str):
                named[kind] = token
    return named
