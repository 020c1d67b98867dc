"""Triton kernels of an adapter's first half with dropout on its input: forward, and the gradients of both factors.

The mask is made where it is needed, from a hash of seed and place: two rounds of MurmurHash3's finalizer, of which
16 bits decide. So the rate is rounded to a 65,536th; what is kept is scaled by the rounded rate, and the mean stays.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

TOKENS = 64
"""Tokens of a tile."""
COLUMNS = 128
"""Inputs of a tile."""
SPLITS = 8
"""Parts that the tokens are summed in."""


@triton.jit
def _is_kept(seed, place, limit):
    mixed = place.to(tl.uint32) * 0x9E3779B1 + seed.to(tl.uint32)
    mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6B
    mixed = (mixed ^ (mixed >> 13) ^ seed.to(tl.uint32)) * 0xC2B2AE35
    return ((mixed ^ (mixed >> 16)) >> 16) >= limit.to(tl.uint32)


@triton.jit(do_not_specialize=["tokens", "seed"])
def drop_down(
    x, a, out, tokens, seed, limit, scale,
    WIDTH: tl.constexpr, COUNT: tl.constexpr, RANK: tl.constexpr, BLOCK: tl.constexpr,
    TOKENS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """A program is a tile of tokens and BLOCK rows of one adapter's A."""
    blocks: tl.constexpr = (RANK + BLOCK - 1) // BLOCK
    number = tl.program_id(1) // blocks
    row = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    there = (token < tokens)[:, None]
    has_row = row < RANK
    row += number * RANK
    total = tl.zeros([TOKENS, BLOCK], tl.float32)
    for first in range(0, WIDTH, COLUMNS):
        column = first + tl.arange(0, COLUMNS)
        inside = column < WIDTH
        place = token.to(tl.int64)[:, None] * WIDTH + column[None, :]
        value = tl.load(x + place, mask=there & inside[None, :], other=0.0)
        value = tl.where(_is_kept(seed + number, place, limit), value, 0.0)
        of_a = tl.load(a + row[:, None] * WIDTH + column[None, :], mask=has_row[:, None] & inside[None, :], other=0.0)
        total = tl.dot(value, tl.trans(of_a), total)
    place = token.to(tl.int64)[:, None] * (COUNT * RANK) + row[None, :]
    tl.store(out + place, (total * scale).to(out.dtype.element_ty), mask=there & has_row[None, :])


@triton.jit(do_not_specialize=["tokens", "seed"])
def drop_up(
    d_x, d_down, a, tokens, seed, limit, scale,
    WIDTH: tl.constexpr, COUNT: tl.constexpr, RANK: tl.constexpr, BLOCK: tl.constexpr,
    TOKENS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """A program is a tile of tokens and inputs; the parts of all adapters are added to it at once."""
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    there = (token < tokens)[:, None]
    inside = (column < WIDTH)[None, :]
    place = token.to(tl.int64)[:, None] * WIDTH + column[None, :]
    total = tl.load(d_x + place, mask=there & inside, other=0.0).to(tl.float32)
    for number in tl.static_range(COUNT):
        part = tl.zeros([TOKENS, COLUMNS], tl.float32)
        for first in range(0, RANK, BLOCK):
            row = first + tl.arange(0, BLOCK)
            has_row = row < RANK
            row += number * RANK
            source = token.to(tl.int64)[:, None] * (COUNT * RANK) + row[None, :]
            left = tl.load(d_down + source, mask=there & has_row[None, :], other=0.0)
            right = tl.load(a + row[:, None] * WIDTH + column[None, :], mask=has_row[:, None] & inside, other=0.0)
            part = tl.dot(left, right, part)
        total += tl.where(_is_kept(seed + number, place, limit), part * scale, 0.0)
    tl.store(d_x + place, total.to(d_x.dtype.element_ty), mask=there & inside)


@triton.jit(do_not_specialize=["tokens", "seed"])
def drop_outer(
    x, d_down, out, tokens, seed, limit, scale,
    WIDTH: tl.constexpr, COUNT: tl.constexpr, RANK: tl.constexpr, BLOCK: tl.constexpr,
    TOKENS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """A program is a tile of inputs, BLOCK rows of one adapter's A, and a part of the tokens."""
    blocks: tl.constexpr = (RANK + BLOCK - 1) // BLOCK
    number = tl.program_id(1) // blocks
    row = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    has_row = row < RANK
    row += number * RANK
    inside = column < WIDTH
    total = tl.zeros([BLOCK, COLUMNS], tl.float32)
    for first in range(tl.program_id(2) * TOKENS, tokens, tl.num_programs(2) * TOKENS):
        token = first + tl.arange(0, TOKENS)
        there = (token < tokens)[:, None]
        place = token.to(tl.int64)[:, None] * WIDTH + column[None, :]
        value = tl.load(x + place, mask=there & inside[None, :], other=0.0)
        value = tl.where(_is_kept(seed + number, place, limit), value, 0.0)
        source = token.to(tl.int64)[:, None] * (COUNT * RANK) + row[None, :]
        left = tl.load(d_down + source, mask=there & has_row[None, :], other=0.0)
        total = tl.dot(tl.trans(left), value, total)
    place = (tl.program_id(2) * (COUNT * RANK) + row[:, None]) * WIDTH + column[None, :]
    tl.store(out + place, total * scale, mask=has_row[:, None] & inside[None, :])


def down(x: Tensor, a: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    tokens, width = x.shape
    out = x.new_empty(tokens, len(a))
    given = _given(width, len(a) // rank, rank)
    rows = given["COUNT"] * triton.cdiv(rank, given["BLOCK"])
    drop_down[triton.cdiv(tokens, TOKENS), rows](x, a, out, tokens, seed, *_kept(rate), **given)
    return out


def up(d_x: Tensor, d_down: Tensor, a: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    tokens, width = d_x.shape
    tiles = triton.cdiv(tokens, TOKENS), triton.cdiv(width, COLUMNS)
    drop_up[tiles](d_x, d_down, a, tokens, seed, *_kept(rate), **_given(width, len(a) // rank, rank))
    return d_x


def outer(x: Tensor, d_down: Tensor, rank: int, rate: float, seed: int) -> Tensor:
    tokens, width = x.shape
    out = x.new_empty(SPLITS, d_down.shape[1], width, dtype=torch.float32)
    given = _given(width, d_down.shape[1] // rank, rank)
    rows = given["COUNT"] * triton.cdiv(rank, given["BLOCK"])
    drop_outer[triton.cdiv(width, COLUMNS), rows, SPLITS](x, d_down, out, tokens, seed, *_kept(rate), **given)
    return out.sum(0)


def _kept(rate: float) -> tuple[int, float]:
    limit = round(rate * 65536)
    return limit, 65536 / (65536 - limit)


def _given(width: int, count: int, rank: int) -> dict[str, int]:
    block = max(16, min(64, triton.next_power_of_2(rank)))
    return {
        "WIDTH": width, "COUNT": count, "RANK": rank, "BLOCK": block, "TOKENS": TOKENS, "COLUMNS": COLUMNS,
    }  # fmt: skip
