"""What the optimizer is given: the trained parameters in groups, each with its own learning rate and weight decay."""

from collections import defaultdict
from collections.abc import Set
from typing import Any

import torch
from msgspec import Struct


class Rates(Struct, frozen=True):
    """Peak learning rates."""

    adapters: float
    head: float


def parameter_groups(
    model: torch.nn.Module, decaying: Set[str], weight_decay: float, rates: Rates
) -> list[dict[str, Any]]:
    """All trained parameters of `model`, as an optimizer takes them; those named in `decaying` have the decay."""
    grouped = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            grouped["modules_to_save" in name.split("."), name in decaying].append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": weight_decay if decays else 0.0,
            "lr": rates.head if is_head else rates.adapters,
        }
        for (is_head, decays), parameters in sorted(grouped.items())  # the first one's rate is logged
    ]
