"""Triton kernels of attention over packed examples: causal, grouped queries, capped scores, a window.

FlashAttention-2 (Dao 2023): scores live in registers, the backward pass makes them again from the sums that the
forward pass leaves. Tiles never cross an example, so that no mask between examples is needed.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl

from core.packed.ops import Attention
from core.packed.pack import KEY_TILE, Pack

LOG2E = 1.4426950408889634


class Grid(NamedTuple):
    """How a kernel divides its work: tokens of a program, tokens of a step of its loop, warps, stages."""

    tile: int
    step: int
    warps: int
    stages: int


FORWARD = Grid(tile=64, step=32, warps=4, stages=2)
KEYS = Grid(tile=KEY_TILE, step=32, warps=4, stages=1)
VALUES = Grid(tile=KEY_TILE, step=32, warps=4, stages=2)
QUERIES = Grid(tile=64, step=32, warps=4, stages=1)


@triton.jit
def _scores(qk, scale, cap, CAPPED: tl.constexpr):
    """Scores, capped if they are to be, and the tanh that capped them. tanh by exp: exact, where tanh.approx is not."""
    s = qk * scale
    t = s
    if CAPPED:
        t = 1.0 - 2.0 / (tl.exp2(s * (2.0 * 1.4426950408889634 / cap)) + 1.0)
        s = cap * t
    return s, t


@triton.jit
def _sees(query, key, end, window, WINDOWED: tl.constexpr):
    seen = (key <= query) & (query < end)
    if WINDOWED:
        seen = seen & (query - key < window)
    return seen


@triton.jit(do_not_specialize=["tokens"])
def attend(
    qkv, attended, normalizer, tiles, tokens, scale, cap, window,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr,
    TILE: tl.constexpr, STEP: tl.constexpr, CAPPED: tl.constexpr, WINDOWED: tl.constexpr,
):  # fmt: skip
    """A program is a tile of queries of one head. `normalizer` (heads, tokens): base-2 log of the sum of exponents."""
    tile = tiles + 3 * tl.program_id(0)
    first, begin, end = tl.load(tile), tl.load(tile + 1), tl.load(tile + 2)
    head = tl.program_id(1)
    WIDTH: tl.constexpr = (HEADS + 2 * KV_HEADS) * DIM
    keys = qkv + (HEADS + head // (HEADS // KV_HEADS)) * DIM
    values = keys + KV_HEADS * DIM
    column = tl.arange(0, DIM)
    query = first + tl.arange(0, TILE)
    own = query.to(tl.int64)[:, None] * WIDTH + column[None, :]
    q = tl.load(qkv + head * DIM + own, mask=(query < end)[:, None], other=0.0)
    highest = tl.full([TILE], float("-inf"), tl.float32)
    total = tl.zeros([TILE], tl.float32)
    sums = tl.zeros([TILE, DIM], tl.float32)
    start = begin
    if WINDOWED:
        start = begin + tl.maximum(first - window + 1 - begin, 0) // STEP * STEP
    for step in range(start, tl.minimum(first + TILE, end), STEP):
        key = step + tl.arange(0, STEP)
        place = key.to(tl.int64)[:, None] * WIDTH + column[None, :]
        inside = (key < end)[:, None]
        k = tl.load(keys + place, mask=inside, other=0.0)
        s, _ = _scores(tl.dot(q, tl.trans(k)), scale, cap, CAPPED)
        s = tl.where(_sees(query[:, None], key[None, :], end, window, WINDOWED), s * 1.4426950408889634, float("-inf"))
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
    tl.store(attended + out, (sums / total[:, None]).to(attended.dtype.element_ty), mask=inside[:, None])
    tl.store(normalizer + head * tokens + query, highest + tl.log2(total), mask=inside)


@triton.jit(do_not_specialize=["tokens"])
def products(attended, d_attended, delta, tokens, HEADS: tl.constexpr, BLOCK: tl.constexpr, DIM: tl.constexpr):
    """delta (heads, tokens): the product of each output with its gradient."""
    token = tl.program_id(0).to(tl.int64)
    head = tl.arange(0, BLOCK)
    place = token * (HEADS * DIM) + head[:, None] * DIM + tl.arange(0, DIM)[None, :]
    inside = (head < HEADS)[:, None]
    x = tl.load(attended + place, mask=inside, other=0.0).to(tl.float32)
    d = tl.load(d_attended + place, mask=inside, other=0.0).to(tl.float32)
    tl.store(delta + head * tokens + token, tl.sum(x * d, 1), mask=head < HEADS)


@triton.jit(do_not_specialize=["tokens"])
def keys_backward(
    qkv, d_attended, normalizer, delta, d_qkv, tiles, tokens, scale, cap, window,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr,
    TILE: tl.constexpr, STEP: tl.constexpr, CAPPED: tl.constexpr, WINDOWED: tl.constexpr,
    OF_KEYS: tl.constexpr, OF_VALUES: tl.constexpr,
):  # fmt: skip
    """A program is a tile of keys or values of one of their heads, and goes through the queries that see it."""
    tile = tiles + 3 * tl.program_id(0)
    first, end = tl.load(tile), tl.load(tile + 2)
    kv_head = tl.program_id(1)
    WIDTH: tl.constexpr = (HEADS + 2 * KV_HEADS) * DIM
    GROUP: tl.constexpr = HEADS // KV_HEADS
    column = tl.arange(0, DIM)
    key = first + tl.arange(0, TILE)
    own = key.to(tl.int64)[:, None] * WIDTH + (HEADS + kv_head) * DIM + column[None, :]
    inside = (key < end)[:, None]
    k = tl.load(qkv + own, mask=inside, other=0.0)
    v = tl.load(qkv + own + KV_HEADS * DIM, mask=inside, other=0.0)
    d_k = tl.zeros([TILE, DIM], tl.float32)
    d_v = tl.zeros([TILE, DIM], tl.float32)
    stop = end
    if WINDOWED:
        stop = tl.minimum(end, first + TILE + window - 1)
    for member in range(GROUP):
        head = kv_head * GROUP + member
        for step in range(first, stop, STEP):
            query = step + tl.arange(0, STEP)
            there = query < end
            q = tl.load(
                qkv + query.to(tl.int64)[:, None] * WIDTH + head * DIM + column[None, :],
                mask=there[:, None], other=0.0,
            )  # fmt: skip
            d = tl.load(
                d_attended + query.to(tl.int64)[:, None] * (HEADS * DIM) + head * DIM + column[None, :],
                mask=there[:, None], other=0.0,
            )  # fmt: skip
            sums = tl.load(normalizer + head * tokens + query, mask=there, other=0.0)
            share = tl.load(delta + head * tokens + query, mask=there, other=0.0)
            s, t = _scores(tl.dot(k, tl.trans(q)), scale, cap, CAPPED)
            p = tl.exp2(s * 1.4426950408889634 - sums[None, :])
            p = tl.where(_sees(query[None, :], key[:, None], end, window, WINDOWED), p, 0.0)
            if OF_VALUES:
                d_v = tl.dot(p.to(d.dtype), d, d_v)
            if OF_KEYS:
                d_s = p * (tl.dot(v, tl.trans(d)) - share[None, :])
                if CAPPED:
                    d_s *= 1.0 - t * t
                d_k = tl.dot(d_s.to(q.dtype), q, d_k)
    kind = d_qkv.dtype.element_ty
    if OF_KEYS:
        tl.store(d_qkv + own, (d_k * scale).to(kind), mask=inside)
    if OF_VALUES:
        tl.store(d_qkv + own + KV_HEADS * DIM, d_v.to(kind), mask=inside)


@triton.jit(do_not_specialize=["tokens"])
def queries_backward(
    qkv, d_attended, normalizer, delta, d_qkv, tiles, tokens, scale, cap, window,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr,
    TILE: tl.constexpr, STEP: tl.constexpr, CAPPED: tl.constexpr, WINDOWED: tl.constexpr,
):  # fmt: skip
    """A program is a tile of queries of one head, and goes through the keys that it sees."""
    tile = tiles + 3 * tl.program_id(0)
    first, begin, end = tl.load(tile), tl.load(tile + 1), tl.load(tile + 2)
    head = tl.program_id(1)
    WIDTH: tl.constexpr = (HEADS + 2 * KV_HEADS) * DIM
    keys = qkv + (HEADS + head // (HEADS // KV_HEADS)) * DIM
    values = keys + KV_HEADS * DIM
    column = tl.arange(0, DIM)
    query = first + tl.arange(0, TILE)
    there = query < end
    own = query.to(tl.int64)[:, None] * WIDTH + head * DIM + column[None, :]
    q = tl.load(qkv + own, mask=there[:, None], other=0.0)
    d = tl.load(
        d_attended + query.to(tl.int64)[:, None] * (HEADS * DIM) + head * DIM + column[None, :],
        mask=there[:, None], other=0.0,
    )  # fmt: skip
    sums = tl.load(normalizer + head * tokens + query, mask=there, other=0.0)
    share = tl.load(delta + head * tokens + query, mask=there, other=0.0)
    d_q = tl.zeros([TILE, DIM], tl.float32)
    start = begin
    if WINDOWED:
        start = begin + tl.maximum(first - window + 1 - begin, 0) // STEP * STEP
    for step in range(start, tl.minimum(first + TILE, end), STEP):
        key = step + tl.arange(0, STEP)
        place = key.to(tl.int64)[:, None] * WIDTH + column[None, :]
        inside = (key < end)[:, None]
        k = tl.load(keys + place, mask=inside, other=0.0)
        v = tl.load(values + place, mask=inside, other=0.0)
        s, t = _scores(tl.dot(q, tl.trans(k)), scale, cap, CAPPED)
        p = tl.exp2(s * 1.4426950408889634 - sums[:, None])
        p = tl.where(_sees(query[:, None], key[None, :], end, window, WINDOWED), p, 0.0)
        d_s = p * (tl.dot(d, tl.trans(v)) - share[:, None])
        if CAPPED:
            d_s *= 1.0 - t * t
        d_q = tl.dot(d_s.to(k.dtype), k, d_q)
    tl.store(d_qkv + own, (d_q * scale).to(d_qkv.dtype.element_ty), mask=there[:, None])


def forward(qkv: torch.Tensor, pack: Pack, attention: Attention) -> tuple[torch.Tensor, torch.Tensor]:
    """As core.packed.ops_reference.attend; and the normalizer, (heads, tokens) float32."""
    attended = qkv.new_empty(len(qkv), attention.heads * attention.head_dim)
    normalizer = qkv.new_empty(attention.heads, len(qkv), dtype=torch.float32)
    tiles = pack.tiles[FORWARD.tile]
    attend[len(tiles), attention.heads](
        qkv, attended, normalizer, tiles, **_given(attention, len(qkv)), **_sizes(FORWARD)
    )
    return attended, normalizer


def backward(
    qkv: torch.Tensor,
    attended: torch.Tensor,
    normalizer: torch.Tensor,
    pack: Pack,
    attention: Attention,
    d_attended: torch.Tensor,
) -> torch.Tensor:
    """The gradient of `qkv`."""
    tokens, heads = len(qkv), attention.heads
    delta, d_qkv = torch.empty_like(normalizer), torch.empty_like(qkv)
    products[tokens,](
        attended, d_attended, delta, tokens,
        HEADS=heads, BLOCK=triton.next_power_of_2(heads), DIM=attention.head_dim,
    )  # fmt: skip
    given = _given(attention, tokens)
    inputs = (qkv, d_attended, normalizer, delta, d_qkv)
    keys, queries = pack.key_tiles, pack.tiles[QUERIES.tile]
    # Two passes over the queries, though both make the scores: both sums together leave too few registers (H200:
    # 0.35 ms against 0.41 for 4,574 tokens of Gemma-2 9B's heads).
    of_keys = keys_backward[len(keys), attention.kv_heads]
    of_keys(*inputs, keys, **given, **_sizes(KEYS), OF_KEYS=True, OF_VALUES=False)
    of_keys(*inputs, keys, **given, **_sizes(VALUES), OF_KEYS=False, OF_VALUES=True)
    queries_backward[len(queries), heads](*inputs, queries, **given, **_sizes(QUERIES))
    return d_qkv


def _given(attention: Attention, tokens: int) -> dict[str, float | int | bool]:
    return {
        "tokens": tokens,
        "scale": attention.scale,
        "cap": attention.cap,
        "window": attention.window,
        "HEADS": attention.heads,
        "KV_HEADS": attention.kv_heads,
        "DIM": attention.head_dim,
        "CAPPED": attention.cap > 0,
        "WINDOWED": attention.window > 0,
    }


def _sizes(grid: Grid) -> dict[str, int]:
    return {"TILE": grid.tile, "STEP": grid.step, "num_warps": grid.warps, "num_stages": grid.stages}
