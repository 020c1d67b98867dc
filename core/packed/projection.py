"""Projections that read the same input, as one product, with their LoRA adapters (Hu et al. 2021) on them.

y = x weight^T + bias + scale * dropout(x) A^T B^T, as PEFT's LoraLayer computes it. `x_a` is dropout(x) A^T of all
adapters side by side. Shapes are written in the letters of core.packed.ops; outputs are those of all projections.
"""

from collections.abc import Sequence
from typing import Self

import torch
from bitsandbytes.nn import Params4bit
from peft.tuners.lora import LoraLayer
from torch import Tensor

from core.model.dropout import column_keys
from core.packed.ops import Dropout, Ops


class Adapters:
    """Those of some projections side by side; false where there are none. They share rank, scale and dropout."""

    def __init__(self, layers: Sequence[LoraLayer], spans: Sequence[slice], *, dtype: torch.dtype, ops: Ops) -> None:
        self._spans, self._ops = spans, ops
        self.parameters: list[torch.nn.Parameter] = []
        """A (R, I) and B (its projection's outputs, R) of each in turn, as PEFT holds them."""
        self.copies: list[Tensor] = []
        """The same in the compute type, B times the scale; the engine keeps them current."""
        if not layers:
            return
        (name,) = layers[0].active_adapters
        dropouts = [layer.lora_dropout[name] for layer in layers]
        self.rate: float = 0.0 if isinstance(dropouts[0], torch.nn.Identity) else dropouts[0].p
        self.scale: float = layers[0].scaling[name]
        lora_a = [layer.lora_A[name].weight for layer in layers]
        lora_b = [layer.lora_B[name].weight for layer in layers]
        self._rank = len(lora_a[0])
        self._lora_a = torch.cat([a.detach() for a in lora_a]).to(dtype)
        self._lora_b = [b.detach().to(dtype, copy=True) for b in lora_b]
        if self.rate:
            device, width = self._lora_a.device, self._lora_a.shape[1]
            self._columns = torch.stack([column_keys(dropout.number, width, device) for dropout in dropouts])
        for a, b, a_copy, b_copy in zip(lora_a, lora_b, self._lora_a.split(self._rank), self._lora_b, strict=True):
            self.parameters += [a, b]
            self.copies += [a_copy, b_copy]

    @classmethod
    def of(cls, modules: Sequence[torch.nn.Module], sizes: Sequence[int], *, dtype: torch.dtype, ops: Ops) -> Self:
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

    def add(self, x: Tensor, y: Tensor, keys: Tensor | None) -> Tensor:
        """Adds scale * dropout(x) A^T B^T of each to `y` (T, outputs) in place; `x` is (T, I). Returns `x_a` (T, N R).

        `keys` (T,) int32 are those of the tokens for the dropout; None for none.
        """
        if keys is None:
            x_a = x @ self._lora_a.T
        else:
            x_a = self._ops.dropout_lora_a(x, self._lora_a, self._rank, self._dropout(keys))
        for span, b, part in zip(self._spans, self._lora_b, x_a.split(self._rank, dim=1), strict=True):
            y[:, span].addmm_(part, b.T)
        return x_a

    def backward(
        self, x: Tensor, x_a: Tensor, d_y: Tensor, d_x: Tensor | None, keys: Tensor | None
    ) -> tuple[Tensor | None, list[Tensor]]:
        """`d_x` (T, I) with the adapters' part added in place, if there is one; and the parameters' gradients, float32.

        d_B = scale * d_y^T x_a, d_x_a = scale * d_y B, d_A = d_x_a^T dropout(x), d_x += mask * (d_x_a A).
        """
        d_x_a = torch.empty_like(x_a)
        d_lora_b = []
        parts = x_a.split(self._rank, dim=1), d_x_a.split(self._rank, dim=1)
        for span, b, part, d_part in zip(self._spans, self._lora_b, *parts, strict=True):
            torch.mm(d_y[:, span], b, out=d_part)
            d_lora_b.append(_product(d_y[:, span].T, part).mul_(self.scale))
        if keys is None:
            d_lora_a = _product(d_x_a.T, x)
            d_x = None if d_x is None else d_x.addmm_(d_x_a, self._lora_a)
        else:
            drop = (self._rank, self._dropout(keys))
            d_lora_a = self._ops.dropout_lora_a_backward_a(x, d_x_a, *drop)
            d_x = None if d_x is None else self._ops.dropout_lora_a_backward_x(d_x, d_x_a, self._lora_a, *drop)
        pairs = zip(d_lora_a.split(self._rank), d_lora_b, strict=True)
        return d_x, [gradient for pair in pairs for gradient in pair]

    def _dropout(self, keys: Tensor) -> Dropout:
        return Dropout(self.rate, self._columns, keys)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right, (m, k) and (k, n) to (m, n) float32, from 16 bit without rounding the sum to it."""
    if left.dtype is torch.float32:
        return left @ right
    return torch.mm(left, right, out_dtype=torch.float32)


class Projection:
    """Frozen linear modules side by side, as PEFT left them: y = x @ weight.T + bias, and their adapters.

    4-bit weights are dequantized once and kept where `keeps` is true, else anew each time; the values are the same.
    A checkpoint may leave some of them in 16 bit, which are copied beside. Where none is quantized, all are laid side
    by side in place: their modules then hold views.
    """

    def __init__(self, modules: Sequence[torch.nn.Module], *, dtype: torch.dtype, keeps: bool, ops: Ops) -> None:
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

    def forward(self, x: Tensor, keys: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """`x` (T, I) to (T, outputs), both in the compute type; and `x_a` (T, N R), if there are adapters.

        `keys` (T,) int32 are those of the tokens for the adapters' dropout; None for none.
        """
        y = torch.nn.functional.linear(x, self._weight(), self._bias)
        return y, self.adapters.add(x, y, keys) if self.adapters else None

    def backward(
        self, x: Tensor | None, x_a: Tensor | None, d_y: Tensor, keys: Tensor | None, *, needs_input: bool = True
    ) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x, if it needs one, and of the adapters' parameters, float32.

        d_x (T, I) = d_y weight, and the adapters' part; `d_y` is (T, outputs). Only adapters need `x` (T, I) and
        `x_a` (T, N R).
        """
        d_x = d_y @ self._weight() if needs_input else None
        if not self.adapters:
            return d_x, []
        assert x is not None
        assert x_a is not None
        return self.adapters.backward(x, x_a, d_y, d_x, keys)

    def _weight(self) -> Tensor:
        return self._dequantized() if self._kept is None else self._kept

    def _dequantized(self) -> Tensor:
        """The weight (outputs, I) in the compute type."""
        shape = (sum(self._sizes), self._inputs)
        whole = torch.empty(shape, dtype=self._dtype, device=self._weights[0].device)
        for weight, part in zip(self._weights, whole.split(self._sizes), strict=True):
            if isinstance(weight, Params4bit):
                self._ops.dequantize(weight, part)
            else:
                part.copy_(weight.detach())
        return whole


def _side_by_side(bases: Sequence[torch.nn.Module], dtype: torch.dtype) -> Tensor:
    """The weight (outputs, I), of which the modules' weights become views if there are several."""
    if len(bases) == 1:
        weight: Tensor = bases[0].weight.data
        return weight.to(dtype)
    whole = torch.cat([base.weight.data for base in bases])
    for base, part in zip(bases, whole.split([base.out_features for base in bases]), strict=True):
        base.weight.data = part
    return whole.to(dtype)
