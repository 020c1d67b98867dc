"""What a step makes small: the loss of its rows. Knows no Trainer."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax
from transformers.modeling_outputs import SequenceClassifierOutput


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
