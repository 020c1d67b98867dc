"""LoRA's A with dropout on its input, by Triton kernels: forward, and the gradients of A and of the input.

The mask is made where it is needed, from the keys of tokens and inputs, and is that of core.model.dropout to the bit.
Shapes are written in the letters of core.packed.ops.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core.model.dropout import least_kept
from core.packed.ops import Dropout

TOKENS = 64
"""Tokens of a tile."""
COLUMNS = 128
"""Inputs of a tile."""
SPLITS = 8
"""Parts that the tokens are summed in."""


@triton.jit
def _is_kept(of_token, of_column, least):
    """Whether dropout keeps what has the keys (TOKENS,) and (COLUMNS,), both int32: booleans (TOKENS, COLUMNS).

    By MurmurHash3's 32-bit finalizer but for its last step.
    """
    mixed = (of_token[:, None] + of_column[None, :]).to(tl.uint32, bitcast=True)
    mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6B
    mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE35
    return mixed.to(tl.int32, bitcast=True) >= least


@triton.jit(do_not_specialize=["tokens"])
def dropout_lora_a_kernel(
    x, lora_a, x_a, keys, columns, tokens, least, scale,
    WIDTH: tl.constexpr, COUNT: tl.constexpr, RANK: tl.constexpr, BLOCK: tl.constexpr,
    TOKENS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """x_a = scale * (x * kept) A^T of each adapter (LoRA, Hu et al. 2021), summed in float32.

    Reads `x` (T, I) and `lora_a` (N R, I) bf16, and `keys` (T,) and `columns` (N, I) int32. Writes `x_a` (T, N R) bf16.
    WIDTH is I, COUNT N, RANK R. A program is TOKENS tokens and BLOCK rows of one adapter's A: (tiles of tokens, N *
    blocks of R).
    """
    blocks: tl.constexpr = (RANK + BLOCK - 1) // BLOCK
    number = tl.program_id(1) // blocks
    row = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    there = (token < tokens)[:, None]
    of_token = tl.load(keys + token, mask=token < tokens, other=0)
    has_row = row < RANK
    row += number * RANK
    total = tl.zeros([TOKENS, BLOCK], tl.float32)
    for first in range(0, WIDTH, COLUMNS):
        column = first + tl.arange(0, COLUMNS)
        inside = column < WIDTH
        place = token.to(tl.int64)[:, None] * WIDTH + column[None, :]
        value = tl.load(x + place, mask=there & inside[None, :], other=0.0)
        of_column = tl.load(columns + number * WIDTH + column, mask=inside, other=0)
        value = tl.where(_is_kept(of_token, of_column, least), value, 0.0)
        a = tl.load(lora_a + row[:, None] * WIDTH + column[None, :], mask=has_row[:, None] & inside[None, :], other=0.0)
        total = tl.dot(value, tl.trans(a), total)
    place = token.to(tl.int64)[:, None] * (COUNT * RANK) + row[None, :]
    tl.store(x_a + place, (total * scale).to(x_a.dtype.element_ty), mask=there & has_row[None, :])


@triton.jit(do_not_specialize=["tokens"])
def dropout_lora_a_backward_x_kernel(
    d_x, d_x_a, lora_a, keys, columns, tokens, least, scale,
    WIDTH: tl.constexpr, COUNT: tl.constexpr, RANK: tl.constexpr, BLOCK: tl.constexpr,
    TOKENS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """d_x += scale * kept * (d_x_a A), over all adapters in turn, in float32.

    Reads `d_x_a` (T, N R) and `lora_a` (N R, I) bf16; reads and writes `d_x` (T, I) bf16. A program is TOKENS tokens
    and COLUMNS inputs: (tiles of tokens, tiles of inputs).
    """
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    there = (token < tokens)[:, None]
    of_token = tl.load(keys + token, mask=token < tokens, other=0)
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
            left = tl.load(d_x_a + source, mask=there & has_row[None, :], other=0.0)
            right = tl.load(lora_a + row[:, None] * WIDTH + column[None, :], mask=has_row[:, None] & inside, other=0.0)
            part = tl.dot(left, right, part)
        of_column = tl.load(columns + number * WIDTH + column, mask=column < WIDTH, other=0)
        total += tl.where(_is_kept(of_token, of_column, least), part * scale, 0.0)
    tl.store(d_x + place, total.to(d_x.dtype.element_ty), mask=there & inside)


@triton.jit(do_not_specialize=["tokens"])
def dropout_lora_a_backward_a_kernel(
    x, d_x_a, d_lora_a, keys, columns, tokens, least, scale,
    WIDTH: tl.constexpr, COUNT: tl.constexpr, RANK: tl.constexpr, BLOCK: tl.constexpr,
    TOKENS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """d_A = scale * d_x_a^T (x * kept) of each adapter, over a part of the tokens, in float32.

    Reads `x` (T, I) and `d_x_a` (T, N R) bf16. Writes `d_lora_a` (SPLITS, N R, I) float32, to be summed over SPLITS.
    A program is COLUMNS inputs, BLOCK rows of one adapter's A, and a part of the tokens: (tiles of inputs, N * blocks
    of R, SPLITS).
    """
    blocks: tl.constexpr = (RANK + BLOCK - 1) // BLOCK
    number = tl.program_id(1) // blocks
    row = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    has_row = row < RANK
    row += number * RANK
    inside = column < WIDTH
    of_column = tl.load(columns + number * WIDTH + column, mask=inside, other=0)
    total = tl.zeros([BLOCK, COLUMNS], tl.float32)
    for first in range(tl.program_id(2) * TOKENS, tokens, tl.num_programs(2) * TOKENS):
        token = first + tl.arange(0, TOKENS)
        there = (token < tokens)[:, None]
        of_token = tl.load(keys + token, mask=token < tokens, other=0)
        place = token.to(tl.int64)[:, None] * WIDTH + column[None, :]
        value = tl.load(x + place, mask=there & inside[None, :], other=0.0)
        value = tl.where(_is_kept(of_token, of_column, least), value, 0.0)
        source = token.to(tl.int64)[:, None] * (COUNT * RANK) + row[None, :]
        left = tl.load(d_x_a + source, mask=there & has_row[None, :], other=0.0)
        total = tl.dot(tl.trans(left), value, total)
    place = (tl.program_id(2) * (COUNT * RANK) + row[:, None]) * WIDTH + column[None, :]
    tl.store(d_lora_a + place, total * scale, mask=has_row[:, None] & inside[None, :])


def dropout_lora_a(x: Tensor, lora_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
    """`Ops.dropout_lora_a`: (T, I) and (N R, I) to (T, N R) in the type of `x`."""
    tokens, width = x.shape
    x_a = x.new_empty(tokens, len(lora_a))
    sizes = _sizes(width, len(lora_a) // rank, rank)
    rows = sizes["COUNT"] * triton.cdiv(rank, sizes["BLOCK"])
    dropout_lora_a_kernel[triton.cdiv(tokens, TOKENS), rows](
        x, lora_a, x_a, dropout.keys, dropout.columns, tokens, *_least_and_scale(dropout), **sizes
    )
    return x_a


def dropout_lora_a_backward_x(d_x: Tensor, d_x_a: Tensor, lora_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
    """`Ops.dropout_lora_a_backward_x`: adds to `d_x` (T, I) in place, from (T, N R) and (N R, I)."""
    tokens, width = d_x.shape
    tiles = triton.cdiv(tokens, TOKENS), triton.cdiv(width, COLUMNS)
    sizes = _sizes(width, len(lora_a) // rank, rank)
    dropout_lora_a_backward_x_kernel[tiles](
        d_x, d_x_a, lora_a, dropout.keys, dropout.columns, tokens, *_least_and_scale(dropout), **sizes
    )
    return d_x


def dropout_lora_a_backward_a(x: Tensor, d_x_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
    """`Ops.dropout_lora_a_backward_a`: (T, I) and (T, N R) to (N R, I) float32."""
    tokens, width = x.shape
    d_lora_a = x.new_empty(SPLITS, d_x_a.shape[1], width, dtype=torch.float32)
    sizes = _sizes(width, d_x_a.shape[1] // rank, rank)
    rows = sizes["COUNT"] * triton.cdiv(rank, sizes["BLOCK"])
    dropout_lora_a_backward_a_kernel[triton.cdiv(width, COLUMNS), rows, SPLITS](
        x, d_x_a, d_lora_a, dropout.keys, dropout.columns, tokens, *_least_and_scale(dropout), **sizes
    )
    return d_lora_a.sum(0)


def _least_and_scale(dropout: Dropout) -> tuple[int, float]:
    """The least hash of what is kept, and what that is multiplied by."""
    return least_kept(dropout.rate), 1 / (1 - dropout.rate)


def _sizes(width: int, count: int, rank: int) -> dict[str, int]:
    block = max(16, min(64, triton.next_power_of_2(rank)))
    return {
        "WIDTH": width, "COUNT": count, "RANK": rank, "BLOCK": block, "TOKENS": TOKENS, "COLUMNS": COLUMNS,
    }  # fmt: skip
