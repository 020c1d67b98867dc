"""The text a model reads for one comparison, and the segments it is made of."""

from collections.abc import Sequence

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
