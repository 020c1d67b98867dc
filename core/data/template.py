"""The text a model reads for one comparison, and what is put around and between its parts. Imports nothing heavy."""

from collections.abc import Sequence

from msgspec import Struct


class Frame(Struct, frozen=True):
    """Token ids that are put around what is kept of a row, BOS and EOS, and where some of it is missing."""

    begin: list[int]
    end: list[int]
    mark: list[int]

    @property
    def specials(self) -> int:
        """Tokens of BOS and EOS, as far as the tokenizer has them."""
        return len(self.begin) + len(self.end)


Turns = Sequence[str | None]

TAGS = ("<prompt>: ", "\n\n<response_a>: ", "\n\n<response_b>: ")
"""What stands before prompt, response A and response B. Ordinary text, not special tokens."""


def segments(prompt: Turns, response_a: Turns, response_b: Turns) -> list[str]:
    """The text in pieces: each part's tag, then its turns, every turn but the first with the space before it."""
    pieces = []
    for tag, turns in zip(TAGS, (prompt, response_a, response_b), strict=True):
        pieces.append(tag)
        pieces += [f" {turn or ''}" if number else turn or "" for number, turn in enumerate(turns)]
    return pieces


def join(prompt: Turns, response_a: Turns, response_b: Turns) -> str:
    """Prompt and both answers behind their tags, turns joined by one space."""
    return "".join(segments(prompt, response_a, response_b))
