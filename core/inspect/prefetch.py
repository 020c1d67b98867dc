"""What an inspection does before it is asked for: reads the tokenizer, most of the way to the first figures."""

from pathlib import Path

from msgspec import Struct

from core.data.tokenizer import PromptTokenizer, fingerprint
from core.data.tokens import Encoder
from core.model.locate import tokenizer_at_hand
from core.profile.files import read_profile
from core.profile.load import parse_profile


class LoadedTokenizer(Struct, frozen=True):
    """A tokenizer that has been read, known by its `fingerprint`."""

    fingerprint: str
    tokenizer: PromptTokenizer
    encoder: Encoder

    @classmethod
    def of(cls, folder: Path, known_by: str) -> "LoadedTokenizer":
        """`known_by` is the fingerprint. Raises DataError where `folder` has no tokenizer that can be read."""
        tokenizer = PromptTokenizer(folder)
        return cls(known_by, tokenizer, Encoder(tokenizer))


def read_ahead(profile: Path) -> LoadedTokenizer | None:
    """The tokenizer of the profile's checkpoint; None if it does not lie on this machine, or cannot be read.

    Nothing is fetched or made, and nothing is said of what is wrong: nobody has asked yet.
    """
    try:
        file = read_profile(profile)
        folder = tokenizer_at_hand(parse_profile(file.text, source=str(file.path)).model)
        return LoadedTokenizer.of(folder, fingerprint(folder)) if folder else None
    except Exception:  # noqa: BLE001  (it comes again, and is told, once the rows are asked for)
        return None
