"""A line that says which key does what, for dialogs, where it must stand beside the question."""

from collections.abc import Sequence

from textual.content import Content


def keys(pairs: Sequence[tuple[str, str]]) -> Content:
    """Each key and the word for what it does."""
    return Content("   ").join(
        Content.assemble((f" {key} ", "bold $background on $accent"), f" {word}") for key, word in pairs
    )
