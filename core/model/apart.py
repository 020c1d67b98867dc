"""Reads the answers of comparisons apart: one sequence for the prompt with A, one for the prompt with B."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from transformers.modeling_outputs import SequenceClassifierOutput

from core.outcomes import Outcomes


class ReadApart(Struct, frozen=True):
    """Called in place of `model`, which gives each sequence the logits of its answer as if that were A."""

    model: Callable[..., Any]
    outcomes: Outcomes

    def __call__(self, **inputs: Any) -> SequenceClassifierOutput:
        """`inputs` are those of 2 E sequences, the two of a comparison one after the other, A's first; the logits are
        those of the comparisons, (E, outcomes)."""
        logits = self.model(**inputs).logits
        return SequenceClassifierOutput(logits=self.outcomes.joined(logits[0::2], logits[1::2]))
