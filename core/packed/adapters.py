"""LoRA (Hu et al. 2021) on projections that read the same input: y += scale * B @ A @ dropout(x), forward and backward.

Each adapter has a dropout of its own, as in PEFT. Its mask is a function of a seed, so that it need not be kept.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Self

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor


class Adapters:
    """Those of some projections side by side; false where there are none. They share rank, scale and dropout."""

    def __init__(
        self, layers: Sequence[LoraLayer], spans: Sequence[slice], *, dtype: torch.dtype, ops: ModuleType
    ) -> None:
        self._spans, self._ops = spans, ops
        self.parameters: list[torch.nn.Parameter] = []
        """A (rank, inputs) and B (outputs, rank) of each in turn."""
        self.copies: list[Tensor] = []
        """The same in the compute type, B times the scale; the engine keeps them current."""
        if not layers:
            return
        (name,) = layers[0].active_adapters
        dropout = layers[0].lora_dropout[name]
        self.rate = dropout.p if isinstance(dropout, torch.nn.Dropout) else 0.0
        self.scale: float = layers[0].scaling[name]
        downs = [layer.lora_A[name].weight for layer in layers]
        ups = [layer.lora_B[name].weight for layer in layers]
        self._rank = len(downs[0])
        self._a = torch.cat([down.detach() for down in downs]).to(dtype)
        self._b = [up.detach().to(dtype, copy=True) for up in ups]
        for down, up, a, b in zip(downs, ups, self._a.split(self._rank), self._b, strict=True):
            self.parameters += [down, up]
            self.copies += [a, b]

    @classmethod
    def of(
        cls, modules: Sequence[torch.nn.Module], sizes: Sequence[int], *, dtype: torch.dtype, ops: ModuleType
    ) -> Self:
        """Those of `modules`, which have `sizes` outputs side by side."""
        layers, spans, first = [], [], 0
        for module, size in zip(modules, sizes, strict=True):
            if isinstance(module, LoraLayer):
                layers.append(module)
                spans.append(slice(first, first + size))
            first += size
        return cls(layers, spans, dtype=dtype, ops=ops)

    def __bool__(self) -> bool:
        return bool(self.parameters)

    def add(self, x: Tensor, y: Tensor, seed: int | None) -> Tensor:
        """Adds to `y` in place. Returns what each A makes of `x`, (tokens, adapters * rank)."""
        down = x @ self._a.T if seed is None else self._ops.drop_down(x, self._a, self._rank, self.rate, seed)
        for span, b, part in zip(self._spans, self._b, down.split(self._rank, dim=1), strict=True):
            y[:, span].addmm_(part, b.T)
        return down

    def backward(
        self, x: Tensor, down: Tensor, d_y: Tensor, d_x: Tensor | None, seed: int | None
    ) -> tuple[Tensor | None, list[Tensor]]:
        """`d_x` with the adapters' part added in place, if there is one; and the parameters' gradients, float32."""
        d_down = torch.empty_like(down)
        d_ups = []
        parts = zip(self._spans, self._b, down.split(self._rank, dim=1), d_down.split(self._rank, dim=1), strict=True)
        for span, b, part, d_part in parts:
            torch.mm(d_y[:, span], b, out=d_part)
            d_ups.append(_product(d_y[:, span].T, part).mul_(self.scale))
        if seed is None:
            d_a = _product(d_down.T, x)
            d_x = None if d_x is None else d_x.addmm_(d_down, self._a)
        else:
            d_a = self._ops.drop_outer(x, d_down, self._rank, self.rate, seed)
            d_x = None if d_x is None else self._ops.drop_up(d_x, d_down, self._a, self._rank, self.rate, seed)
        return d_x, [gradient for pair in zip(d_a.split(self._rank), d_ups, strict=True) for gradient in pair]


def _product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right in float32, from 16 bit without rounding the sum to it."""
    if left.dtype is torch.float32:
        return left @ right
    return torch.mm(left, right, out_dtype=torch.float32)
