"""Whose answers a run learns from, beside its labels."""

from typing import Annotated, Literal

from msgspec import Meta, field

from core.profile.data_settings import Place, Section


class Distill(Section, frozen=True, kw_only=True):
    """Knowledge distillation: the loss of a row also counts how far the model is from what teachers said of it."""

    teachers: Annotated[
        Annotated[list[Place], Meta(max_length=64)],
        Meta(
            description="Whose probabilities are learned from, by id: tables with the columns id and probability_a, "
            "probability_b, probability_tie, or folders of finished runs, of which the evaluation rows count. Of "
            "several that tell of a row the mean counts"
        ),
    ] = field(default_factory=list)
    weight: Annotated[
        float,
        Meta(gt=0, le=100, description="How much the distance from the teachers counts beside the label's loss"),
    ] = 1.0
    temperature: Annotated[
        float,
        Meta(
            ge=0.1,
            le=100,
            description="What both sides' logits are divided by before they are compared; more than 1 tells more of "
            "unlikely outcomes. The divergence is multiplied by its square, so that gradients keep their size",
        ),
    ] = 1.0
    kind: Annotated[
        Literal["kl", "kl+cosine"],
        Meta(
            description="The distance: the Kullback-Leibler divergence from the teachers' probabilities, or with it 1 "
            "less the cosine between both sides' probabilities"
        ),
    ] = "kl"
    allow_seen: Annotated[
        bool,
        Meta(
            description="Also learn what teachers say of rows that they were trained on, which they may know by heart"
        ),
    ] = False
