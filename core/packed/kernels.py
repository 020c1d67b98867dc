"""Triton kernels of the operations that move memory: embedding, norms, rotation, gate. ops_reference.py defines them.

All of them compute in float32, whatever they read and write. Loop bounds and sizes are constants of the model; only
counts of tokens vary, and nothing is specialized on those, so that nothing is compiled anew for another length.
"""

import triton
import triton.language as tl


@triton.jit
def take_rows(weight, ids, rows, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """A program is a row."""
    number = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    found = tl.load(weight + tl.load(ids + number).to(tl.int64) * WIDTH + column, mask=inside)
    tl.store(rows + number * WIDTH + column, found, mask=inside)


@triton.jit
def _moment(x, width):
    return tl.sum(x * x, 0) / width


@triton.jit
def add_norm(
    residual, update, post, weight, total, normed, eps,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, ADDS: tl.constexpr, HAS_POST: tl.constexpr,
):  # fmt: skip
    """A program is a token: all of its WIDTH numbers at once."""
    place = tl.program_id(0).to(tl.int64) * WIDTH
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(residual + place + column, mask=inside, other=0.0)
    if ADDS:
        u = tl.load(update + place + column, mask=inside, other=0.0).to(tl.float32)
        if HAS_POST:
            u *= tl.rsqrt(_moment(u, WIDTH) + eps) * tl.load(post + column, mask=inside, other=0.0)
        x += u
        tl.store(total + place + column, x, mask=inside)
    y = x * tl.rsqrt(_moment(x, WIDTH) + eps) * tl.load(weight + column, mask=inside, other=0.0)
    tl.store(normed + place + column, y.to(normed.dtype.element_ty), mask=inside)


@triton.jit
def _norm_backward(x, weight, d_y, eps, width):
    """d_x of y = weight * x / rms(x)."""
    scale = tl.rsqrt(_moment(x, width) + eps)
    d = d_y * weight
    return scale * (d - x * (scale * scale * tl.sum(d * x, 0) / width))


@triton.jit
def add_norm_backward(
    residual, update, post, weight, d_total, d_normed, d_residual, d_update, eps,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, ADDS: tl.constexpr, HAS_POST: tl.constexpr, IS_ADDED: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0).to(tl.int64) * WIDTH
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(residual + place + column, mask=inside, other=0.0)
    u = x
    post_weight = x
    if ADDS:
        u = tl.load(update + place + column, mask=inside, other=0.0).to(tl.float32)
        if HAS_POST:
            post_weight = tl.load(post + column, mask=inside, other=0.0)
        if not IS_ADDED:
            if HAS_POST:
                x += u * tl.rsqrt(_moment(u, WIDTH) + eps) * post_weight
            else:
                x += u
    d_y = tl.load(d_normed + place + column, mask=inside, other=0.0).to(tl.float32)
    d_x = tl.load(d_total + place + column, mask=inside, other=0.0)
    d_x += _norm_backward(x, tl.load(weight + column, mask=inside, other=0.0), d_y, eps, WIDTH)
    tl.store(d_residual + place + column, d_x, mask=inside)
    if ADDS:
        d_u = d_x
        if HAS_POST:
            d_u = _norm_backward(u, post_weight, d_x, eps, WIDTH)
        tl.store(d_update + place + column, d_u.to(d_update.dtype.element_ty), mask=inside)


@triton.jit
def rotate(
    qkv, out, positions, cos, sin, query_norm, key_norm, eps,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr, NORMS: tl.constexpr,
):  # fmt: skip
    """A program is a token and BLOCK of its heads. Values are copied where `out` is not `qkv` itself (NORMS)."""
    token = tl.program_id(0).to(tl.int64)
    heads = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, HALF)
    turned = (heads < HEADS + KV_HEADS)[:, None]
    inside = turned
    if NORMS:
        inside = (heads < HEADS + 2 * KV_HEADS)[:, None]
    one = token * ((HEADS + 2 * KV_HEADS) * 2 * HALF) + heads[:, None] * (2 * HALF) + column[None, :]
    two = one + HALF
    x = tl.load(qkv + one, mask=inside, other=0.0).to(tl.float32)
    y = tl.load(qkv + two, mask=inside, other=0.0).to(tl.float32)
    if NORMS:
        scale = tl.rsqrt((tl.sum(x * x, 1) + tl.sum(y * y, 1)) / (2 * HALF) + eps)[:, None]
        is_query = (heads < HEADS)[:, None]
        first = tl.where(is_query, tl.load(query_norm + column)[None, :], tl.load(key_norm + column)[None, :])
        second = tl.where(
            is_query, tl.load(query_norm + HALF + column)[None, :], tl.load(key_norm + HALF + column)[None, :]
        )
        x = tl.where(turned, x * scale * first, x)
        y = tl.where(turned, y * scale * second, y)
    position = tl.load(positions + token)
    c = tl.where(turned, tl.load(cos + position * HALF + column)[None, :], 1.0)
    s = tl.where(turned, tl.load(sin + position * HALF + column)[None, :], 0.0)
    tl.store(out + one, (x * c - y * s).to(out.dtype.element_ty), mask=inside)
    tl.store(out + two, (y * c + x * s).to(out.dtype.element_ty), mask=inside)


@triton.jit
def rotate_backward(
    raw, d_qkv, positions, cos, sin, query_norm, key_norm, eps,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr, NORMS: tl.constexpr,
):  # fmt: skip
    """In place in `d_qkv`, whose values' part stays."""
    token = tl.program_id(0).to(tl.int64)
    heads = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, HALF)
    inside = (heads < HEADS + KV_HEADS)[:, None]
    one = token * ((HEADS + 2 * KV_HEADS) * 2 * HALF) + heads[:, None] * (2 * HALF) + column[None, :]
    two = one + HALF
    position = tl.load(positions + token)
    c = tl.load(cos + position * HALF + column)[None, :]
    s = tl.load(sin + position * HALF + column)[None, :]
    d_one = tl.load(d_qkv + one, mask=inside, other=0.0).to(tl.float32)
    d_two = tl.load(d_qkv + two, mask=inside, other=0.0).to(tl.float32)
    d_x = d_one * c + d_two * s
    d_y = d_two * c - d_one * s
    if NORMS:
        x = tl.load(raw + one, mask=inside, other=0.0).to(tl.float32)
        y = tl.load(raw + two, mask=inside, other=0.0).to(tl.float32)
        scale = tl.rsqrt((tl.sum(x * x, 1) + tl.sum(y * y, 1)) / (2 * HALF) + eps)[:, None]
        is_query = (heads < HEADS)[:, None]
        d_x *= tl.where(is_query, tl.load(query_norm + column)[None, :], tl.load(key_norm + column)[None, :])
        d_y *= tl.where(
            is_query, tl.load(query_norm + HALF + column)[None, :], tl.load(key_norm + HALF + column)[None, :]
        )
        along = scale * scale * ((tl.sum(d_x * x, 1) + tl.sum(d_y * y, 1)) / (2 * HALF))[:, None]
        d_x = scale * (d_x - x * along)
        d_y = scale * (d_y - y * along)
    tl.store(d_qkv + one, d_x.to(d_qkv.dtype.element_ty), mask=inside)
    tl.store(d_qkv + two, d_y.to(d_qkv.dtype.element_ty), mask=inside)


@triton.jit
def _activation(x, SILU: tl.constexpr):
    """silu(x), or gelu(x) in its tanh form (Hendrycks and Gimpel 2016): both are x * sigmoid of something."""
    if SILU:
        return x * tl.sigmoid(x)
    return x * tl.sigmoid(1.5957691216057308 * x * (1.0 + 0.044715 * x * x))


@triton.jit
def gate(gate_up, gated, WIDTH: tl.constexpr, BLOCK: tl.constexpr, SILU: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(gate_up + token * 2 * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + token * 2 * WIDTH + WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(gated + token * WIDTH + column, (_activation(x, SILU) * up).to(gated.dtype.element_ty), mask=inside)


@triton.jit
def gate_backward(gate_up, d_gated, d_gate_up, WIDTH: tl.constexpr, BLOCK: tl.constexpr, SILU: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(gate_up + token * 2 * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + token * 2 * WIDTH + WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    d = tl.load(d_gated + token * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    if SILU:
        share = tl.sigmoid(x)
        slope = share + x * share * (1.0 - share)
    else:
        share = tl.sigmoid(1.5957691216057308 * x * (1.0 + 0.044715 * x * x))
        slope = share + x * share * (1.0 - share) * 1.5957691216057308 * (1.0 + 3 * 0.044715 * x * x)
    kind = d_gate_up.dtype.element_ty
    tl.store(d_gate_up + token * 2 * WIDTH + column, (d * up * slope).to(kind), mask=inside)
    tl.store(d_gate_up + token * 2 * WIDTH + WIDTH + column, (d * x * share).to(kind), mask=inside)
