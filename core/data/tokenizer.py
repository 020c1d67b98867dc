"""A checkpoint's tokenizer as every part of the engine uses it, and what each of its tokens writes, in bytes."""

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.data.example import DataError, Frame
from core.files import MOST_OF_A_CONFIG, MOST_OF_A_TOKENIZER, in_words, read_bounded

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
            raise DataError(f"{path}: the tokenizer cannot be read: {in_words(error)}") from None
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
        raise DataError(f"{folder / FILE}: the tokenizer cannot be read: {in_words(error)}") from None
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


SPACE = "▁"
"""How SentencePiece writes a space."""

_BYTE = re.compile("<0x([0-9A-F]{2})>")


class Model(TypedDict, total=False):
    type: str
    vocab: Any
    dropout: float | None
    continuing_subword_prefix: str | None
    end_of_word_suffix: str | None


class Spec(TypedDict):
    """What is asked of tokenizer.json; its merges, the larger half of it, are left to the backend."""

    added_tokens: list[dict[str, Any]]
    normalizer: dict[str, Any] | None
    pre_tokenizer: dict[str, Any] | None
    decoder: dict[str, Any] | None
    model: Model


def pieces(tokenizer: Tokenizer, spec: Spec) -> list[bytes]:
    """The bytes that each token id stands for, b"" for an id that is not used.

    `spec` is the content of tokenizer.json. A token of a vocabulary that is neither byte-level nor SentencePiece
    (WordPiece, for one) is given as it is written there: the exact text cannot be had back from those.
    """
    written = tokenizer.get_vocab(with_added_tokens=True)
    byte_of = _byte_characters() if _is_byte_level(spec) else None
    by_id = [b""] * (max(written.values()) + 1)
    for token, number in written.items():
        if byte_of is not None:
            by_id[number] = bytes(byte_of.get(character, 0x3F) for character in token)
        elif token.startswith("<0x") and (found := _BYTE.fullmatch(token)):
            by_id[number] = bytes([int(found[1], 16)])
        else:
            by_id[number] = token.replace(SPACE, " ").encode(errors="replace")
    if byte_of is not None:  # added tokens are not in the vocabulary's own writing
        for added in spec["added_tokens"]:
            by_id[added["id"]] = added["content"].encode(errors="replace")
    return by_id


def continuations(tokenizer: Tokenizer, spec: Spec) -> NDArray[np.bool_]:
    """Whether each token begins in the middle of a character: UTF-8's bytes 10xxxxxx never begin one."""
    continues = np.zeros(tokenizer.get_vocab_size(with_added_tokens=True), dtype=bool)
    if _is_byte_level(spec):
        within = {character for character, byte in _byte_characters().items() if 0x80 <= byte < 0xC0}
        continues[[number for token, number in tokenizer.get_vocab().items() if token[:1] in within]] = True
    else:
        numbers = (tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in range(0x80, 0xC0))
        continues[[number for number in numbers if number is not None]] = True
    return continues


def _is_byte_level(spec: Spec) -> bool:
    return any("ByteLevel" in _types(step) for step in (spec["pre_tokenizer"], spec["decoder"]))


def _types(step: Any) -> set[str]:
    """The types of a step of tokenizer.json, those of a sequence's members included."""
    if not isinstance(step, dict):
        return set()
    members = [*step.get("pretokenizers", []), *step.get("decoders", []), *step.get("normalizers", [])]
    return {step["type"]}.union(*map(_types, members))


def _byte_characters() -> dict[str, int]:
    """The byte that each character stands for in a byte-level vocabulary.

    Printable Latin-1 characters stand for themselves, all other bytes for the characters from U+0100 on (GPT-2).
    """
    themselves = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in themselves]
    return {chr(byte): byte for byte in themselves} | {chr(0x100 + n): byte for n, byte in enumerate(others)}
