"""The operations of core.packed.ops_reference, each as one Triton kernel: on NVIDIA cards from Ampere on, in 16 bit."""

import torch
import triton
from bitsandbytes.nn import Params4bit
from torch import Tensor

from core.packed import attention as kernels_of_attention
from core.packed import dropout as kernels_of_dropout
from core.packed import kernels
from core.packed import nf4 as kernels_of_nf4
from core.packed.ops import Activation, Attention, Norm
from core.packed.pack import Pack

HEADS = 8
"""Heads that a program rotates."""
COLUMNS = 2048
"""Columns that a program gates."""


def take_rows(weight: Tensor, ids: Tensor) -> Tensor:
    width = weight.shape[1]
    rows = torch.empty((len(ids), width), dtype=weight.dtype, device=ids.device)
    kernels.take_rows[len(ids),](weight, ids, rows, WIDTH=width, BLOCK=triton.next_power_of_2(width))
    return rows


def add_norm(
    residual: Tensor, update: Tensor | None, post: Norm | None, norm: Norm, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    tokens, width = residual.shape
    normed = torch.empty_like(residual, dtype=dtype)
    total = residual if update is None else torch.empty_like(residual)
    kernels.add_norm[tokens,](
        residual, update, post and post.weight, norm.weight, total, normed, norm.eps,
        WIDTH=width, BLOCK=triton.next_power_of_2(width), ADDS=update is not None, HAS_POST=post is not None,
        num_warps=8,
    )  # fmt: skip
    return total, normed


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
    tokens, width = residual.shape
    gradient = torch.empty_like(residual)
    d_update = None if update is None else torch.empty_like(update)
    kernels.add_norm_backward[tokens,](
        residual, update, post and post.weight, norm.weight, d_residual, d_normed, gradient, d_update, norm.eps,
        WIDTH=width, BLOCK=triton.next_power_of_2(width), ADDS=update is not None, HAS_POST=post is not None,
        IS_ADDED=is_added, num_warps=8,
    )  # fmt: skip
    return gradient, d_update


def rotate(qkv: Tensor, pack: Pack, attention: Attention) -> Tensor:
    """In place, unless queries and keys are normalized: their backward pass needs them as they were."""
    has_norms = attention.query_norm is not None
    out = torch.empty_like(qkv) if has_norms else qkv
    turned = attention.heads + (2 if has_norms else 1) * attention.kv_heads
    kernels.rotate[len(qkv), triton.cdiv(turned, HEADS)](
        qkv, out, pack.positions, attention.cos, attention.sin, *_norms(attention), **_heads(attention)
    )
    return out


def rotate_backward(raw: Tensor, pack: Pack, attention: Attention, d_qkv: Tensor) -> Tensor:
    """In place in `d_qkv`."""
    kernels.rotate_backward[len(d_qkv), triton.cdiv(attention.heads + attention.kv_heads, HEADS)](
        raw, d_qkv, pack.positions, attention.cos, attention.sin, *_norms(attention), **_heads(attention)
    )
    return d_qkv


def attend(qkv: Tensor, pack: Pack, attention: Attention) -> tuple[Tensor, Tensor]:
    return kernels_of_attention.forward(qkv, pack, attention)


def attend_backward(
    qkv: Tensor, attended: Tensor, normalizer: Tensor, pack: Pack, attention: Attention, d_attended: Tensor
) -> Tensor:
    return kernels_of_attention.backward(qkv, attended, normalizer, pack, attention, d_attended)


def gate(gate_up: Tensor, activation: Activation) -> Tensor:
    tokens, width = len(gate_up), gate_up.shape[1] // 2
    gated = gate_up.new_empty(tokens, width)
    kernels.gate[tokens, triton.cdiv(width, COLUMNS)](
        gate_up, gated, WIDTH=width, BLOCK=COLUMNS, SILU=activation == "silu", num_warps=8
    )
    return gated


def gate_backward(gate_up: Tensor, activation: Activation, d_gated: Tensor) -> Tensor:
    tokens, width = d_gated.shape
    d_gate_up = torch.empty_like(gate_up)
    kernels.gate_backward[tokens, triton.cdiv(width, COLUMNS)](
        gate_up, d_gated, d_gate_up, WIDTH=width, BLOCK=COLUMNS, SILU=activation == "silu", num_warps=8
    )
    return d_gate_up


def drop_down(x: Tensor, a: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    return kernels_of_dropout.down(x, a, rank, rate, seed)


def drop_outer(x: Tensor, d_down: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    return kernels_of_dropout.outer(x, d_down, rank, rate, seed)


def drop_up(d_x: Tensor, d_down: Tensor, a: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    return kernels_of_dropout.up(d_x, d_down, a, rank, rate, seed)


def dequantize(weight: Params4bit, into: Tensor) -> None:
    kernels_of_nf4.dequantize(weight, into)


def _norms(attention: Attention) -> tuple[Tensor | None, Tensor | None, float]:
    if attention.query_norm is None or attention.key_norm is None:
        return None, None, 0.0
    return attention.query_norm.weight, attention.key_norm.weight, attention.query_norm.eps


def _heads(attention: Attention) -> dict[str, int | bool]:
    return {
        "HEADS": attention.heads,
        "KV_HEADS": attention.kv_heads,
        "HALF": attention.head_dim // 2,
        "BLOCK": HEADS,
        "NORMS": attention.query_norm is not None,
    }
