"""How the packed engine spends memory for speed. Imports nothing heavy."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from core.profile.settings import Profile

Checkpointing = Literal["none", "selective", "full"]
"""What the backward pass recomputes of the trained layers: nothing, gate and up projection, or all."""


class Layout(Struct, frozen=True, kw_only=True):
    """`examples` are packed into a row; one that a step shows in two views counts as two. A step takes as many rows as
    its global batch needs."""

    keeps_weights: bool
    """Whether 4-bit weights are held in 16 bit besides, instead of being dequantized each time."""
    checkpointing: Checkpointing
    examples: int
    embeds_on_host: bool = False
    """Whether the embedding lies in the host's memory; the card reads the few rows that a step needs from there."""

    def __str__(self) -> str:
        weights = "weights kept in 16 bit" if self.keeps_weights else "weights dequantized as they are needed"
        embedding = ", embedding on the host" if self.embeds_on_host else ""
        return f"{weights}{embedding}, {self.checkpointing} checkpointing, rows of {self.examples}"


def layouts(profile: Profile) -> Iterator[Layout]:
    """All layouts for the profile, the fastest first, the smallest last."""
    views = profile.views
    least = Layout(
        keeps_weights=False,
        checkpointing="full",
        examples=views * profile.train.per_device_batch_size,
        embeds_on_host=True,
    )
    if profile.train.memory == "small":
        yield least
        return
    whole = views * profile.global_batch
    for checkpointing in ("none", "selective", "full"):
        if profile.model.quantization == "nf4":
            yield Layout(keeps_weights=True, checkpointing=checkpointing, examples=whole)
        yield Layout(keeps_weights=False, checkpointing=checkpointing, examples=whole)
    for examples in range(whole, 0, -views):
        if whole % examples == 0:
            yield replace(least, examples=examples)
