"""The operations of core.packed.ops.Ops by Triton kernels: on NVIDIA cards from Ampere on, in bf16.

Shapes, types and formulas are those of `Ops`. Those of attention, dropout and 4-bit weights stand with their kernels.
"""

import torch
import triton
from torch import Tensor

from core.packed import kernels
from core.packed.attention import attend
from core.packed.attention_backward import attend_backward
from core.packed.dropout import dropout_lora_a, dropout_lora_a_backward_a, dropout_lora_a_backward_x
from core.packed.nf4 import dequantize
from core.packed.ops import Activation, Attention, Norm
from core.packed.pack import Pack

__all__ = [
    "add_norm",
    "add_norm_backward",
    "attend",
    "attend_backward",
    "dequantize",
    "dropout_lora_a",
    "dropout_lora_a_backward_a",
    "dropout_lora_a_backward_x",
    "glu",
    "glu_backward",
    "rotate",
    "rotate_backward",
    "take_rows",
]

HEADS = 8
"""Heads that a program rotates."""
COLUMNS = 2048
"""Columns that a program of the gated linear unit computes."""


def take_rows(weight: Tensor, ids: Tensor) -> Tensor:
    """weight[ids]: (vocabulary, D) and (T,) to (T, D). `weight` may lie in the host's pinned memory."""
    width = weight.shape[1]
    rows = torch.empty((len(ids), width), dtype=weight.dtype, device=ids.device)
    kernels.take_rows_kernel[len(ids),](weight, ids, rows, WIDTH=width, BLOCK=triton.next_power_of_2(width))
    return rows


def add_norm(
    residual: Tensor, update: Tensor | None, post: Norm | None, norm: Norm, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The total (T, D) float32, `residual` itself where there is no update; and its RMSNorm (T, D) in `dtype`."""
    tokens, width = residual.shape
    normed = torch.empty_like(residual, dtype=dtype)
    total = residual if update is None else torch.empty_like(residual)
    kernels.add_norm_kernel[tokens,](
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
    d_total: Tensor,
    d_normed: Tensor,
    *,
    is_added: bool,
) -> tuple[Tensor, Tensor | None]:
    """Gradients of residual (T, D) float32 and update (T, D), from those of what add_norm returns."""
    tokens, width = residual.shape
    d_residual = torch.empty_like(residual)
    d_update = None if update is None else torch.empty_like(update)
    kernels.add_norm_backward_kernel[tokens,](
        residual, update, post and post.weight, norm.weight, d_total, d_normed, d_residual, d_update, norm.eps,
        WIDTH=width, BLOCK=triton.next_power_of_2(width), ADDS=update is not None, HAS_POST=post is not None,
        IS_ADDED=is_added, num_warps=8,
    )  # fmt: skip
    return d_residual, d_update


def rotate(qkv: Tensor, pack: Pack, attention: Attention) -> Tensor:
    """RoPE of queries and keys, (T, W), in place, unless they are normalized: their backward pass needs them as
    they were."""
    has_norms = attention.query_norm is not None
    out = torch.empty_like(qkv) if has_norms else qkv
    turned = attention.heads + (2 if has_norms else 1) * attention.kv_heads
    kernels.rotate_kernel[len(qkv), triton.cdiv(turned, HEADS)](
        qkv, out, pack.positions, attention.cos, attention.sin, *_norms(attention), **_heads(attention)
    )
    return out


def rotate_backward(raw: Tensor, pack: Pack, attention: Attention, d_qkv: Tensor) -> Tensor:
    """The gradient of what `rotate` read, (T, W), in place in `d_qkv`."""
    kernels.rotate_backward_kernel[len(d_qkv), triton.cdiv(attention.heads + attention.kv_heads, HEADS)](
        raw, d_qkv, pack.positions, attention.cos, attention.sin, *_norms(attention), **_heads(attention)
    )
    return d_qkv


def glu(gate_up: Tensor, activation: Activation) -> Tensor:
    """activation(gate) * up: (T, 2 F) to (T, F)."""
    tokens, width = len(gate_up), gate_up.shape[1] // 2
    gated = gate_up.new_empty(tokens, width)
    kernels.glu_kernel[tokens, triton.cdiv(width, COLUMNS)](
        gate_up, gated, WIDTH=width, BLOCK=COLUMNS, SILU=activation == "silu", num_warps=8
    )
    return gated


def glu_backward(gate_up: Tensor, activation: Activation, d_gated: Tensor) -> Tensor:
    """The gradient of `glu` at `gate_up`, (T, 2 F), from that of its result, (T, F)."""
    tokens, width = d_gated.shape
    d_gate_up = torch.empty_like(gate_up)
    kernels.glu_backward_kernel[tokens, triton.cdiv(width, COLUMNS)](
        gate_up, d_gated, d_gate_up, WIDTH=width, BLOCK=COLUMNS, SILU=activation == "silu", num_warps=8
    )
    return d_gate_up


def _norms(attention: Attention) -> tuple[Tensor | None, Tensor | None, float]:
    if attention.query_norm is None or attention.key_norm is None:
        return None, None, 0.0
    return attention.query_norm.weight, attention.key_norm.weight, attention.query_norm.eps


def _heads(attention: Attention) -> dict[str, int | bool]:
    pairs = attention.cos.shape[1]
    assert attention.query_norm is None or 2 * pairs == attention.head_dim  # the kernels' norm is of what is rotated
    return {
        "HEADS": attention.heads,
        "KV_HEADS": attention.kv_heads,
        "DIM": attention.head_dim,
        "PAIRS": pairs,
        "WIDE": triton.next_power_of_2(pairs),
        "BLOCK": HEADS,
        "NORMS": attention.query_norm is not None,
    }
