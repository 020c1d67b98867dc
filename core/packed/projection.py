"""Projections that read the same input, as one product, with their LoRA adapters (Hu et al. 2021) on them."""

from collections.abc import Sequence
from types import ModuleType
from typing import Self

import torch
from bitsandbytes.nn import Params4bit
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
