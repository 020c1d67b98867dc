"""Attention over packed examples by a Triton kernel: causal, grouped queries, capped scores, a window.

FlashAttention-2 (Dao 2023): scores live in registers, the backward pass makes them again from the sums that the
forward pass leaves. Tiles never cross an example, so that no mask between examples is needed. 1.4426950408889634 is
log2(e): exp(x) = exp2(log2(e) x). Shapes are written in the letters of core.packed.ops.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl

from core.packed.ops import Attention
from core.packed.pack import Pack


class Grid(NamedTuple):
    """How a kernel divides its work: tokens of a program, tokens of a step of its loop, warps, stages."""

    tile: int
    step: int
    warps: int
    stages: int

    def sizes(self) -> dict[str, int]:
        """The same as a kernel's arguments."""
        return {"TILE": self.tile, "STEP": self.step, "num_warps": self.warps, "num_stages": self.stages}


FORWARD = Grid(tile=64, step=32, warps=4, stages=2)


@triton.jit
def scores(qk, scale, cap, CAPPED: tl.constexpr):
    """s = scale * qk, capped to cap * tanh(s / cap) if CAPPED, and that tanh: float32 of the shape of `qk`.

    tanh(x) = 1 - 2 / (exp(2 x) + 1) by the exponential: exact, where tanh.approx is not.
    """
    s = qk * scale
    t = s
    if CAPPED:
        t = 1.0 - 2.0 / (tl.exp2(s * (2.0 * 1.4426950408889634 / cap)) + 1.0)
        s = cap * t
    return s, t


@triton.jit
def sees(query, key, end, window, WINDOWED: tl.constexpr):
    """Whether a query sees a key of its example, which ends before `end`: booleans of the shape of both together."""
    seen = (key <= query) & (query < end)
    if WINDOWED:
        seen = seen & (query - key < window)
    return seen


@triton.jit
def of_heads(rows, column, DIM: tl.constexpr, WIDE: tl.constexpr):
    """Which places of WIDE columns are in rows that are there and in a head of DIM numbers: what broadcasts to both."""
    inside = rows[:, None]
    if DIM < WIDE:
        inside = inside & (column < DIM)[None, :]
    return inside


@triton.jit(do_not_specialize=["tokens"])
def attend_kernel(
    qkv, attended, logsumexp, tiles, tokens, scale, cap, window,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, WIDE: tl.constexpr,
    TILE: tl.constexpr, STEP: tl.constexpr, CAPPED: tl.constexpr, WINDOWED: tl.constexpr,
):  # fmt: skip
    """One pass over the keys with a running maximum m and sum l of exponents (FlashAttention-2, Algorithm 1).

    m' = max(m, max(s)), l' = exp(m - m') l + sum(exp(s - m')), O' = exp(m - m') O + exp(s - m') V; at last O / l.
    All in float32 and to base 2; only the products' factors are of the type of `qkv`.

    Reads `qkv` (T, W) bf16 and `tiles` (tiles, 3) int32 as of Pack. Writes `attended` (T, H C) as `qkv`, and
    `logsumexp` (H, T) float32: log2(sum(exp(s))). A program is a tile of TILE queries of one head: (tiles, H). WIDE is
    C = DIM, rounded up to a power of two.
    """
    tile = tiles + 3 * tl.program_id(0)
    first, begin, end = tl.load(tile), tl.load(tile + 1), tl.load(tile + 2)
    head = tl.program_id(1)
    WIDTH: tl.constexpr = (HEADS + 2 * KV_HEADS) * DIM
    keys = qkv + (HEADS + head // (HEADS // KV_HEADS)) * DIM
    values = keys + KV_HEADS * DIM
    column = tl.arange(0, WIDE)
    query = first + tl.arange(0, TILE)
    own = query.to(tl.int64)[:, None] * WIDTH + column[None, :]
    q = tl.load(qkv + head * DIM + own, mask=of_heads(query < end, column, DIM, WIDE), other=0.0)
    highest = tl.full([TILE], float("-inf"), tl.float32)
    total = tl.zeros([TILE], tl.float32)
    sums = tl.zeros([TILE, WIDE], tl.float32)
    start = begin
    if WINDOWED:
        start = begin + tl.maximum(first - window + 1 - begin, 0) // STEP * STEP
    for step in range(start, tl.minimum(first + TILE, end), STEP):
        key = step + tl.arange(0, STEP)
        place = key.to(tl.int64)[:, None] * WIDTH + column[None, :]
        inside = of_heads(key < end, column, DIM, WIDE)
        k = tl.load(keys + place, mask=inside, other=0.0)
        s, _ = scores(tl.dot(q, tl.trans(k)), scale, cap, CAPPED)
        s = tl.where(sees(query[:, None], key[None, :], end, window, WINDOWED), s * 1.4426950408889634, float("-inf"))
        new = tl.maximum(highest, tl.max(s, 1))
        base = tl.where(new == float("-inf"), 0.0, new)  # a window may hide all keys of a step
        p = tl.exp2(s - base[:, None])
        shrink = tl.exp2(highest - base)
        total = total * shrink + tl.sum(p, 1)
        v = tl.load(values + place, mask=inside, other=0.0)
        sums = tl.dot(p.to(v.dtype), v, sums * shrink[:, None])
        highest = new
    inside = query < end
    total = tl.where(inside, total, 1.0)
    out = query.to(tl.int64)[:, None] * (HEADS * DIM) + head * DIM + column[None, :]
    whole = of_heads(inside, column, DIM, WIDE)
    tl.store(attended + out, (sums / total[:, None]).to(attended.dtype.element_ty), mask=whole)
    tl.store(logsumexp + head * tokens + query, highest + tl.log2(total), mask=inside)


def attend(qkv: torch.Tensor, pack: Pack, attention: Attention) -> tuple[torch.Tensor, torch.Tensor]:
    """`Ops.attend`: (T, W) to (T, H C) in the same type, and the base-2 logarithm of sum(exp(s)), (H, T) float32."""
    attended = qkv.new_empty(len(qkv), attention.heads * attention.head_dim)
    logsumexp = qkv.new_empty(attention.heads, len(qkv), dtype=torch.float32)
    tiles = pack.tiles[FORWARD.tile]
    attend_kernel[len(tiles), attention.heads](
        qkv, attended, logsumexp, tiles, **arguments(attention, len(qkv)), **FORWARD.sizes()
    )
    return attended, logsumexp


def arguments(attention: Attention, tokens: int) -> dict[str, float | int | bool]:
    """Those that all kernels of attention take."""
    return {
        "tokens": tokens,
        "scale": attention.scale,
        "cap": attention.cap,
        "window": attention.window,
        "HEADS": attention.heads,
        "KV_HEADS": attention.kv_heads,
        "DIM": attention.head_dim,
        "WIDE": triton.next_power_of_2(attention.head_dim),
        "CAPPED": attention.cap > 0,
        "WINDOWED": attention.window > 0,
    }
