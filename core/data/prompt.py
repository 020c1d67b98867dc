"""The text a model reads for one comparison."""

from collections.abc import Sequence

Turns = Sequence[str | None]


def join(prompt: Turns, response_a: Turns, response_b: Turns) -> str:
    """Prompt and both answers behind their tags, turns joined by one space. The tags are ordinary text."""
    parts = (" ".join(turn or "" for turn in turns) for turns in (prompt, response_a, response_b))
    return "<prompt>: {}\n\n<response_a>: {}\n\n<response_b>: {}".format(*parts)
