"""What a step makes small: the loss of its rows. Knows no Trainer."""

import torch
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
