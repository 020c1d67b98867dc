"""Dropout of the adapters' input as a function of the example, whichever others are computed beside it.

Of each input of a token a hash decides: of its example's key, of its position there, and of the number of the adapter.
So both engines drop the same, and a forward pass that is computed again drops what it dropped before. Shapes are
written in the letters of core.packed.ops; B are the rows of a padded batch, and S its tokens a row.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

FIRST, SECOND = 0x85EBCA6B - 2**32, 0xC2B2AE35 - 2**32
"""The factors of MurmurHash3's 32-bit finalizer (Appleby 2011), as int32."""
ELEMENTS = 2**22
"""Of which a mask is made at once: it takes 8 bytes of memory for each."""


def token_keys(draws: Tensor, positions: Tensor) -> Tensor:
    """A key for each token, int32 of the shape that `draws`, int64, and `positions`, of any integers, broadcast to.

    `draws` are the keys of the tokens' examples, as core.engine.draws makes them; `positions` begin anew in each.
    """
    low, high = draws.to(torch.int32), (draws >> 32).to(torch.int32)
    return _mixed(_mixed(low ^ positions.to(torch.int32)) ^ high)


def column_keys(adapter: int, width: int, device: torch.device) -> Tensor:
    """A key for each input of the adapter of that number, (I,) int32: I is `width`."""
    return _mixed(_mixed(torch.arange(width, dtype=torch.int32, device=device)) ^ adapter)


def kept(keys: Tensor, columns: Tensor, rate: float) -> Tensor:
    """Whether dropout at `rate` keeps the inputs with keys `columns` (I,) int32 of tokens with `keys` (T,) int32.

    Booleans (T, I).
    """
    found = torch.empty(len(keys), len(columns), dtype=torch.bool, device=keys.device)
    tokens = max(1, ELEMENTS // len(columns))
    for part, some in zip(found.split(tokens), keys.split(tokens), strict=True):
        torch.ge(_multiplied(some[:, None] + columns), least_kept(rate), out=part)
    return found


def least_kept(rate: float) -> int:
    """The first of all numbers of 32 bits, which are equally likely, that is kept."""
    return min(round(rate * 2**32), 2**32 - 1) - 2**31


def _mixed(x: Tensor) -> Tensor:
    """MurmurHash3's 32-bit finalizer of each number, int32, in place: all of its bits depend on all of theirs."""
    x = _multiplied(x)
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    return x


def _multiplied(x: Tensor) -> Tensor:
    """The same but for its last step, of which the high bits, that decide, need nothing. Products overflow."""
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x *= FIRST
    x ^= (x >> 13).bitwise_and_(0x7FFFF)
    x *= SECOND
    return x


class Draws:
    """By what the dropout of a padded batch is drawn: one object for all adapters of a model."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        """(B, S) int32; None where no batch is computed."""

    @contextmanager
    def of(self, draws: Tensor, attention_mask: Tensor) -> Iterator[None]:
        """Within it forward and backward pass of a batch are computed: `draws` (B,) int64, `attention_mask` (B, S)."""
        self.keys = token_keys(draws[:, None], attention_mask.cumsum(1) - 1)
        try:
            yield
        finally:
            self.keys = None


class ExampleDropout(nn.Dropout):
    """In the place of PEFT's own for the adapter of that number. It has no state either."""

    def __init__(self, rate: float, number: int, draws: Draws) -> None:
        super().__init__(rate)
        self.number, self.draws = number, draws

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, S, I) or (B S, I) to the same. Raises RuntimeError in training without draws.

        What belongs to no example, as the relative positions that DeBERTa projects, is dropped by torch's generator.
        """
        if not self.training:
            return x
        keys = self.draws.keys
        if keys is None:
            raise RuntimeError("dropout is on, and there is nothing that it could be drawn by")
        if x.shape[:-1] not in (keys.shape, (keys.numel(),)):
            return super().forward(x)
        columns = column_keys(self.number, x.shape[-1], x.device)
        is_kept = kept(keys.flatten(), columns, self.p).view(x.shape)
        return torch.where(is_kept, x, 0.0).mul_(1 / (1 - self.p))


def drop_by_example(model: nn.Module) -> None:
    """Replace the dropout of the adapters of `model`, which are numbered in the order of its modules."""
    draws = Draws()
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for number, layer in enumerate(layers):
        for name, dropout in layer.lora_dropout.items():
            if isinstance(dropout, nn.Dropout):  # with a rate of 0 PEFT has none
                layer.lora_dropout[name] = ExampleDropout(dropout.p, number, draws)


def draws_of(model: nn.Module) -> Draws:
    """Those that the adapters of `model` read; where none has dropout, nobody reads them."""
    return next((module.draws for module in model.modules() if isinstance(module, ExampleDropout)), Draws())
