"""Projections that read the same input, as one matrix product, with the adapters on them. Knows no layer."""

from collections.abc import Sequence
from types import ModuleType

import torch
from bitsandbytes.nn import Params4bit
from peft.tuners.lora import LoraLayer
from torch import Tensor

from core.packed.adapters import Adapters


class Projection:
    """Frozen linear modules side by side, as PEFT left them: y = x @ weight.T + bias, and their adapters.

    4-bit weights are dequantized once and kept where `keeps` is true, else anew each time; the values are the same.
    A checkpoint may leave some of them in 16 bit, which are copied beside. Where none is quantized, all are laid side
    by side in place: their modules then hold views.
    """

    def __init__(self, modules: Sequence[torch.nn.Module], *, dtype: torch.dtype, keeps: bool, ops: ModuleType) -> None:
        bases = [module.get_base_layer() if isinstance(module, LoraLayer) else module for module in modules]
        self._dtype, self._ops = dtype, ops
        self._weights = [base.weight for base in bases]
        self._sizes = [base.out_features for base in bases]
        self._inputs = bases[0].in_features
        self._kept: Tensor | None = None
        if not any(isinstance(weight, Params4bit) for weight in self._weights):
            self._kept = _side_by_side(bases, dtype)
        elif keeps:
            self._kept = self._dequantized()
        self._bias = torch.cat([base.bias for base in bases]).to(dtype) if bases[0].bias is not None else None
        self.adapters = Adapters.of(modules, self._sizes, dtype=dtype, ops=ops)

    def forward(self, x: Tensor, seed: int | None) -> tuple[Tensor, Tensor | None]:
        """`x` (tokens, inputs) to (tokens, outputs); and what the adapters' A make of it, if there are any.

        `seed` is that of the adapters' dropout; None for none.
        """
        y = torch.nn.functional.linear(x, self._weight(), self._bias)
        return y, self.adapters.add(x, y, seed) if self.adapters else None

    def backward(
        self, x: Tensor | None, down: Tensor | None, d_y: Tensor, seed: int | None, *, needs_input: bool = True
    ) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x, if it needs one, and of the parameters. `x` and `down` are the adapters' alone."""
        d_x = d_y @ self._weight() if needs_input else None
        if not self.adapters:
            return d_x, []
        assert x is not None
        assert down is not None
        return self.adapters.backward(x, down, d_y, d_x, seed)

    def _weight(self) -> Tensor:
        return self._dequantized() if self._kept is None else self._kept

    def _dequantized(self) -> Tensor:
        shape = (sum(self._sizes), self._inputs)
        whole = torch.empty(shape, dtype=self._dtype, device=self._weights[0].device)
        for weight, part in zip(self._weights, whole.split(self._sizes), strict=True):
            if isinstance(weight, Params4bit):
                self._ops.dequantize(weight, part)
            else:
                part.copy_(weight.detach())
        return whole


def _side_by_side(bases: Sequence[torch.nn.Module], dtype: torch.dtype) -> Tensor:
    if len(bases) == 1:
        weight: Tensor = bases[0].weight.data
        return weight.to(dtype)
    whole = torch.cat([base.weight.data for base in bases])
    for base, part in zip(bases, whole.split([base.out_features for base in bases]), strict=True):
        base.weight.data = part
    return whole.to(dtype)
