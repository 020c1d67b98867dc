"""The embedding of tokens, whose weights may lie on the host: no product needs them, and a step reads few rows."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor


class Embedding:
    """What the model's own embedding computes.

    `on_host` takes the weights out of the model and off the card. They lie in pinned memory then, from which the card
    reads the rows it needs by itself; the model without this object embeds nothing any more.
    """

    def __init__(self, module: Any, *, on_host: bool, ops: ModuleType) -> None:
        self._ops = ops
        self._weight = module.weight.detach()
        self._scale = getattr(module, "embed_scale", None)  # Gemma's
        if on_host:
            device = self._weight.device
            self._weight = self._weight.cpu()
            if device.type == "cuda":
                self._weight = self._weight.pin_memory()
            module.weight = torch.nn.Parameter(self._weight.new_empty(0, device=device), requires_grad=False)

    def __call__(self, ids: Tensor) -> Tensor:
        """`ids` (tokens,) to (tokens, hidden), float32."""
        rows = self._ops.take_rows(self._weight, ids)
        return (rows if self._scale is None else rows * self._scale.to(rows.dtype)).float()
