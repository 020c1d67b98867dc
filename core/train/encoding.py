"""Rows to tokens with progress in the record, for the children that need all of them."""

from collections.abc import Sequence

from core.data.example import Example
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import Encoded, encode
from core.profile.settings import Profile
from core.runs.events import Phase
from core.runs.record import Record


def encode_all(
    rows: Sequence[Example], tokenizer: PromptTokenizer, profile: Profile, record: Record, unit: str
) -> list[Encoded]:
    """All `rows` in tokens; `unit` says in the record what they are."""
    encoded = []
    for batch in encode(rows, tokenizer, profile.tokens):
        encoded += batch
        record.write(Phase(phase="tokenizing", done=len(encoded), total=len(rows), unit=unit))
    return encoded
