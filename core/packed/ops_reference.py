"""The operations of core.packed.ops.Ops as plainly as torch allows: on any device, in any type. The kernels' yardstick.

Shapes, types and formulas are those of `Ops`. Each backward pass differentiates its forward one by computing it again.
"""

import itertools
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from bitsandbytes.functional import QuantState, dequantize_4bit
from bitsandbytes.nn import Params4bit
from torch import Tensor

from core.model.dropout import kept
from core.packed.ops import Activation, Attention, Dropout, Norm
from core.packed.pack import Pack


def take_rows(weight: Tensor, ids: Tensor) -> Tensor:
    """weight[ids]: (vocabulary, D) and (T,) to (T, D). Both lie on one device."""
    return weight[ids]


def normalize(x: Tensor, norm: Norm) -> Tensor:
    """RMSNorm (Zhang and Sennrich 2019) of the last dimension: any shape and type to the same shape in float32."""
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + norm.eps) * norm.weight


def add_norm(
    residual: Tensor, update: Tensor | None, post: Norm | None, norm: Norm, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The residual stream (T, D) float32 with `update` added, that normalized by `post` first where there is one;
    and its normalized form (T, D) in `dtype`, which the next projection reads."""
    if update is not None:
        residual = residual + (normalize(update, post) if post else update.float())
    return residual, normalize(residual, norm).to(dtype)


def add_norm_backward(
    residual: Tensor,
    update: Tensor | None,
    post: Norm | None,
    norm: Norm,
    d_total: Tensor,
    d_normed: Tensor,
    *,
    is_added: bool,
) -> tuple[Tensor, Tensor | None]:
    """Gradients of residual (T, D) float32 and update (T, D), from those of what add_norm returns."""
    if update is None:
        (d_residual,) = _vjp(lambda r: add_norm(r, None, None, norm, d_normed.dtype), [residual], [d_total, d_normed])
        return d_residual, None
    if is_added:
        residual = residual - (normalize(update, post) if post else update.float())

    def again(r: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return add_norm(r, u, post, norm, d_normed.dtype)

    d_residual, d_update = _vjp(again, [residual, update], [d_total, d_normed])
    return d_residual, d_update


def rotate(qkv: Tensor, pack: Pack, attention: Attention) -> Tensor:
    """RoPE (Su et al. 2021) of queries and keys, after the norms by head if there are some: (T, W) to a new (T, W)."""
    queries, keys, values = attention.split(qkv)
    if attention.query_norm and attention.key_norm:
        queries = normalize(queries, attention.query_norm).to(qkv.dtype)
        keys = normalize(keys, attention.key_norm).to(qkv.dtype)
    cos = attention.cos[pack.positions][:, None]
    sin = attention.sin[pack.positions][:, None]
    pairs = cos.shape[-1]

    def turn(x: Tensor) -> Tensor:
        one, two, rest = x.float().split([pairs, pairs, attention.head_dim - 2 * pairs], dim=-1)
        return torch.cat([one * cos - two * sin, two * cos + one * sin, rest], dim=-1).to(x.dtype)

    return torch.cat([x.flatten(1) for x in (turn(queries), turn(keys), values)], dim=1)


def rotate_backward(raw: Tensor, pack: Pack, attention: Attention, d_qkv: Tensor) -> Tensor:
    """The gradient of `rotate` at `raw`, (T, W), from that of its result, (T, W)."""
    return _vjp(lambda x: rotate(x, pack, attention), [raw], [d_qkv])[0]


def attend(qkv: Tensor, pack: Pack, attention: Attention) -> tuple[Tensor, None]:
    """Softmax attention (Vaswani et al. 2017) of one example after another: (T, W) to (T, H C)."""
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
        probabilities = scores.masked_fill(hidden, -torch.inf).softmax(-1).to(qkv.dtype)
        attended.append((probabilities @ values).transpose(0, 1).flatten(1))
    return torch.cat(attended), None


def attend_backward(
    qkv: Tensor,
    attended: Tensor,  # noqa: ARG001  (the kernels need it)
    logsumexp: Tensor | None,  # noqa: ARG001
    pack: Pack,
    attention: Attention,
    d_attended: Tensor,
) -> Tensor:
    """The gradient of `attend` at `qkv`, (T, W), from that of its result, (T, H C)."""
    return _vjp(lambda x: attend(x, pack, attention)[0], [qkv], [d_attended])[0]


def glu(gate_up: Tensor, activation: Activation) -> Tensor:
    """activation(gate) * up (Shazeer 2020), of both side by side: (T, 2 F) to (T, F)."""
    gate, up = gate_up.float().chunk(2, dim=-1)
    if activation == "silu":
        gate = torch.nn.functional.silu(gate)
    else:
        gate = torch.nn.functional.gelu(gate, approximate="tanh")
    return (gate * up).to(gate_up.dtype)


def glu_backward(gate_up: Tensor, activation: Activation, d_gated: Tensor) -> Tensor:
    """The gradient of `glu` at `gate_up`, (T, 2 F), from that of its result, (T, F)."""
    return _vjp(lambda x: glu(x, activation), [gate_up], [d_gated])[0]


def dropout_lora_a(x: Tensor, lora_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
    """dropout(x) A^T of each adapter (Hu et al. 2021): (T, I) and (N R, I) to (T, N R)."""
    parts = lora_a.split(rank)
    return torch.cat([(x * _mask(x, dropout, number)) @ a.T for number, a in enumerate(parts)], dim=1)


def dropout_lora_a_backward_a(x: Tensor, d_x_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
    """The gradient of each A, d_x_a^T dropout(x): (T, I) and (T, N R) to (N R, I) float32."""
    parts = d_x_a.split(rank, dim=1)
    return torch.cat([(part.T @ (x * _mask(x, dropout, number))).float() for number, part in enumerate(parts)])


def dropout_lora_a_backward_x(d_x: Tensor, d_x_a: Tensor, lora_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
    """`d_x` (T, I) with mask * (d_x_a A) of each adapter added in place: (T, N R) and (N R, I)."""
    for number, (part, a) in enumerate(zip(d_x_a.split(rank, dim=1), lora_a.split(rank), strict=True)):
        d_x += _mask(d_x, dropout, number) * (part @ a)
    return d_x


def _mask(x: Tensor, dropout: Dropout, number: int) -> Tensor:
    """What dropout multiplies the input of one of its adapters by: 0 or 1 / (1 - rate), of the type of `x` (T, I)."""
    is_kept = kept(dropout.keys, dropout.columns[number], dropout.rate)
    return is_kept.to(x.dtype) / (1 - dropout.rate)


def dequantize(weight: Params4bit, into: Tensor) -> None:
    """bitsandbytes' dequantize_4bit in the type of `into`, (outputs, I), as its forward pass computes with it."""
    into.copy_(dequantize_4bit(weight.data, state_in(into.dtype, weight)))


def state_in(dtype: torch.dtype, weight: Params4bit) -> QuantState:
    """The quantization state for values in `dtype`: its own names the type that the weight was quantized from."""
    state = copy(weight.quant_state)
    state.dtype = dtype
    return state


def _vjp(function: Callable[..., Any], inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of `inputs`, from those of what `function` makes of them."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        outputs = function(*leaves)
        outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        return list(torch.autograd.grad(outputs, leaves, list(gradients)))
