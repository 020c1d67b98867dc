"""The operations of a decoder layer between its projections, as plainly as torch allows: on any device, in any type.

Each has a backward twin, which differentiates it by recomputing it. They define what the fused kernels compute.
"""

import itertools
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from bitsandbytes.functional import QuantState, dequantize_4bit
from bitsandbytes.nn import Params4bit
from torch import Tensor

from core.packed.ops import Activation, Attention, Norm
from core.packed.pack import Pack


def take_rows(weight: Tensor, ids: Tensor) -> Tensor:
    """Rows `ids` of a matrix; the kernel reads one that lies in the host's pinned memory, too."""
    return weight[ids]


def normalize(x: Tensor, norm: Norm) -> Tensor:
    """RMSNorm (Zhang and Sennrich 2019) of the last dimension, in float32."""
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + norm.eps) * norm.weight


def add_norm(
    residual: Tensor, update: Tensor | None, post: Norm | None, norm: Norm, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The residual stream (tokens, hidden) float32 with `update` added, that normalized by `post` first where there
    is one; and its normalized form in `dtype`, which the next projection reads."""
    if update is not None:
        residual = residual + (normalize(update, post) if post else update.float())
    return residual, normalize(residual, norm).to(dtype)


def add_norm_backward(
    residual: Tensor,
    update: Tensor | None,
    post: Norm | None,
    norm: Norm,
    d_residual: Tensor,
    d_normed: Tensor,
    *,
    is_added: bool,
) -> tuple[Tensor, Tensor | None]:
    """Gradients of residual and update. `is_added` says that `residual` holds the update already."""
    if update is None:
        (gradient,) = _vjp(lambda r: add_norm(r, None, None, norm, d_normed.dtype), [residual], [d_residual, d_normed])
        return gradient, None
    if is_added:
        residual = residual - (normalize(update, post) if post else update.float())

    def again(r: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return add_norm(r, u, post, norm, d_normed.dtype)

    d_residual, d_update = _vjp(again, [residual, update], [d_residual, d_normed])
    return d_residual, d_update


def rotate(qkv: Tensor, pack: Pack, attention: Attention) -> Tensor:
    """Queries and keys normalized by head where the family does so, and rotated (Su et al. 2021, RoPE).

    `qkv` is (tokens, (heads + 2 kv_heads) * head_dim).
    """
    queries, keys, values = attention.split(qkv)
    if attention.query_norm and attention.key_norm:
        queries = normalize(queries, attention.query_norm).to(qkv.dtype)
        keys = normalize(keys, attention.key_norm).to(qkv.dtype)
    cos = attention.cos[pack.positions][:, None]
    sin = attention.sin[pack.positions][:, None]

    def turn(x: Tensor) -> Tensor:
        one, two = x.float().chunk(2, dim=-1)
        return torch.cat([one * cos - two * sin, two * cos + one * sin], dim=-1).to(x.dtype)

    return torch.cat([x.flatten(1) for x in (turn(queries), turn(keys), values)], dim=1)


def rotate_backward(raw: Tensor, pack: Pack, attention: Attention, d_qkv: Tensor) -> Tensor:
    return _vjp(lambda x: rotate(x, pack, attention), [raw], [d_qkv])[0]


def attend(qkv: Tensor, pack: Pack, attention: Attention) -> tuple[Tensor, Tensor | None]:
    """Attention of each token to its own example's tokens up to itself, within the window if there is one.

    Returns (tokens, heads * head_dim); the kernels also return what their backward pass needs.
    """
    attended = []
    bounds = pack.bounds.tolist()
    for begin, end in itertools.pairwise(bounds):
        queries, keys, values = (x.transpose(0, 1) for x in attention.split(qkv[begin:end]))
        keys, values = (x.repeat_interleave(attention.heads // attention.kv_heads, 0) for x in (keys, values))
        scores = (queries @ keys.transpose(1, 2)).float() * attention.scale
        if attention.cap:
            scores = attention.cap * torch.tanh(scores / attention.cap)
        place = torch.arange(end - begin, device=qkv.device)
        distance = place[:, None] - place
        hidden = distance < 0
        if attention.window:
            hidden |= distance >= attention.window
        shares = scores.masked_fill(hidden, -torch.inf).softmax(-1).to(qkv.dtype)
        attended.append((shares @ values).transpose(0, 1).flatten(1))
    return torch.cat(attended), None


def attend_backward(
    qkv: Tensor,
    attended: Tensor,  # noqa: ARG001  (the kernels need it)
    normalizer: Tensor | None,  # noqa: ARG001
    pack: Pack,
    attention: Attention,
    d_attended: Tensor,
) -> Tensor:
    return _vjp(lambda x: attend(x, pack, attention)[0], [qkv], [d_attended])[0]


def gate(gate_up: Tensor, activation: Activation) -> Tensor:
    """activation(gate) * up, of both side by side: (tokens, 2 * intermediate) to (tokens, intermediate)."""
    opening, up = gate_up.float().chunk(2, dim=-1)
    if activation == "silu":
        opening = torch.nn.functional.silu(opening)
    else:
        opening = torch.nn.functional.gelu(opening, approximate="tanh")
    return (opening * up).to(gate_up.dtype)


def gate_backward(gate_up: Tensor, activation: Activation, d_gated: Tensor) -> Tensor:
    return _vjp(lambda x: gate(x, activation), [gate_up], [d_gated])[0]


def drop_down(x: Tensor, a: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    """What each adapter's A, `a` (adapters * rank, inputs), makes of `x` after a dropout of its own."""
    parts = a.split(rank)
    return torch.cat([(x * _mask(x, rate, seed + number)) @ part.T for number, part in enumerate(parts)], dim=1)


def drop_outer(x: Tensor, d_down: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    """The gradient of `a`, float32."""
    parts = d_down.split(rank, dim=1)
    return torch.cat([(part.T @ (x * _mask(x, rate, seed + number))).float() for number, part in enumerate(parts)])


def drop_up(d_x: Tensor, d_down: Tensor, a: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    """`d_x` with the gradient of `x` added in place."""
    for number, (part, of_a) in enumerate(zip(d_down.split(rank, dim=1), a.split(rank), strict=True)):
        d_x += _mask(d_x, rate, seed + number) * (part @ of_a)
    return d_x


def _mask(x: Tensor, rate: float, seed: int) -> Tensor:
    """Dropout as a function of `seed`, so that the backward pass can make it again."""
    generator = torch.Generator(x.device).manual_seed(seed)
    return (torch.rand(x.shape, generator=generator, device=x.device) >= rate).to(x.dtype) / (1 - rate)


def dequantize(weight: Params4bit, into: Tensor) -> None:
    """The values of a 4-bit weight, in the type of `into` as bitsandbytes' forward pass computes with them."""
    into.copy_(dequantize_4bit(weight.data, state_in(into.dtype, weight)))


def state_in(dtype: torch.dtype, weight: Params4bit) -> QuantState:
    """The quantization state for values in `dtype`: its own names the type that the weight was quantized from."""
    state = copy(weight.quant_state)
    state.dtype = dtype
    return state


def _vjp(function: Callable[..., Any], inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        outputs = function(*leaves)
        outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        return list(torch.autograd.grad(outputs, leaves, list(gradients)))
