"""What a step makes small: the loss of its rows. Knows no Trainer."""

from collections.abc import Sequence

import torch
from msgspec import Struct
from torch import Tensor
from torch.nn.functional import cosine_similarity, log_softmax, softmax
from transformers.modeling_outputs import SequenceClassifierOutput

from core.outcomes import A_B_TIE
from core.profile.distill_settings import Distill


def mean_loss(
    outputs: SequenceClassifierOutput,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
) -> torch.Tensor:
    """Cross-entropy as the mean over the examples of the whole global batch, in float32. `labels` are of the shape
    (examples,), or (examples, outcomes): weight times probability. Weights are 1 on average over all rows, not within
    a batch: divided by their own sum, those of a light batch would count for more.

    transformers' own classification loss is the mean of one small batch, yet the Trainer believes it to be
    divided by the global batch already and does not divide by the accumulation: with 2 x 4 every loss and
    gradient would come out 4 times too large.
    """
    items = len(labels) if num_items_in_batch is None else num_items_in_batch
    return torch.nn.functional.cross_entropy(outputs.logits.float(), labels, reduction="sum") / items


def disagreement(logits: Tensor, swap: Sequence[int]) -> Tensor:
    """How far apart the verdicts on both orders of a row are, summed over the rows, in float32.

    `logits` (2 E, outcomes): of each row as it is written, then with A and B swapped, whose outcomes `swap` turns
    back. A row's is the mean of the two Kullback-Leibler divergences, half of Jeffreys' (1946); 0 where they agree. A
    row counts the same whatever it weighs: its label has no part in it.
    """
    given = log_softmax(logits[0::2].float(), dim=-1)
    swapped = log_softmax(logits[1::2].float(), dim=-1)[:, list(swap)]
    return ((given.exp() - swapped.exp()) * (given - swapped)).sum() / 2


def distance(logits: Tensor, taught: Tensor, temperature: float, *, has_cosine: bool) -> Tensor:
    """How far the model is from its teachers, summed over the rows, in float32.

    `logits` and `taught` are (rows, outcomes), the latter weight times probability, all 0 for a row that no teacher
    tells of, which counts nothing. A row's is its weight times T^2 KL(t || s), where s are the model's and t the
    teachers' probabilities at the temperature T: logits, as far as probabilities tell them, divided by it (Hinton,
    Vinyals and Dean, 2015). `has_cosine` adds 1 less the cosine between both sides' probabilities at temperature 1.
    """
    logits, weights = logits.float(), taught.sum(dim=-1)
    given = taught / weights.clamp_min(torch.finfo(taught.dtype).tiny)[:, None]
    cooled = given ** (1 / temperature)
    cooled = cooled / cooled.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(taught.dtype).tiny)
    log_student = log_softmax(logits / temperature, dim=-1)
    apart = temperature**2 * (torch.xlogy(cooled, cooled) - cooled * log_student).sum(dim=-1)
    if has_cosine:
        apart = apart + 1 - cosine_similarity(softmax(logits, dim=-1), given, dim=-1)
    return (weights * apart).sum()


class Added(Struct, frozen=True):
    """What is added to the cross-entropy of a step: how far both orders' verdicts are apart, and from the teachers'."""

    swap_consistency: float = 0.0
    distill: Distill | None = None
    """None without teachers."""

    def of(self, logits: Tensor, taught: Tensor | None, *, items: int, views: int) -> Tensor:
        """Of a part of a step of `items` comparisons, each in so many `views`; `logits` are (its views, outcomes)."""
        added = logits.new_zeros((), dtype=torch.float32)
        if self.swap_consistency:
            apart = disagreement(logits, A_B_TIE.swap[: logits.shape[1]])
            added = added + self.swap_consistency * apart / items
        if self.distill and taught is not None:
            far = distance(logits, taught, self.distill.temperature, has_cosine=self.distill.kind == "kl+cosine")
            added = added + self.distill.weight * far / (items * views)
        return added
