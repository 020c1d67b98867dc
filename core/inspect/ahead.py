"""Reads a tokenizer before its rows are asked for. Imports no Arrow: a child that only waits holds 40 MB less."""

from pathlib import Path

from msgspec import Struct

from core.data.chat import template_of
from core.data.tokenizer import PromptTokenizer, fingerprint
from core.data.tokens import Encoder
from core.model.locate import tokenizer_at_hand
from core.profile.files import read_profile
from core.profile.load import parse_profile
from core.profile.settings import Profile


class LoadedTokenizer(Struct, frozen=True):
    """A tokenizer that has been read, known by its `fingerprint`, and an encoder of a profile's text."""

    fingerprint: str
    text: tuple[str, ...]
    """What decides how it is made."""
    tokenizer: PromptTokenizer
    encoder: Encoder

    @classmethod
    def of(cls, folder: Path, known_by: str, profile: Profile) -> "LoadedTokenizer":
        """`known_by` is the fingerprint. Raises DataError where `folder` has no tokenizer that can be read, and
        SettingError where that lacks the chat template that is asked for."""
        tokenizer = PromptTokenizer(folder)
        return cls(known_by, profile.text, tokenizer, Encoder(tokenizer, template_of(profile, tokenizer)))

    def serves(self, known_by: str, profile: Profile) -> bool:
        return self.fingerprint == known_by and self.text == profile.text


def read_ahead(profile: Path) -> LoadedTokenizer | None:
    """The tokenizer of the profile's checkpoint; None if it does not lie on this machine, or cannot be read.

    Nothing is fetched or made, and nothing is said of what is wrong: nobody has asked yet.
    """
    try:
        file = read_profile(profile)
        asked = parse_profile(file.text, source=str(file.path))
        folder = tokenizer_at_hand(asked.model)
        return LoadedTokenizer.of(folder, fingerprint(folder), asked) if folder else None
    except Exception:  # noqa: BLE001  (it comes again, and is told, once the rows are asked for)
        return None
