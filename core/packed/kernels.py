"""Triton kernels of the operations that move memory: embedding, norms, rotation, gated linear unit.

All of them compute in float32, whatever they read and write. Loop bounds and sizes are constants of the model; only
counts of tokens vary, and nothing is specialized on those, so that nothing is compiled anew for another length.
Shapes are written in the letters of core.packed.ops.
"""

import triton
import triton.language as tl


@triton.jit
def take_rows_kernel(weight, ids, rows, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """rows = weight[ids], as torch's embedding.

    Reads `weight` (vocabulary, D) of any type, on the card or in pinned memory, and `ids` (T,) int64. Writes `rows`
    (T, D) as `weight`. WIDTH is D; a program is a token: (T,).
    """
    number = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    found = tl.load(weight + tl.load(ids + number).to(tl.int64) * WIDTH + column, mask=inside)
    tl.store(rows + number * WIDTH + column, found, mask=inside)


@triton.jit
def _moment(x, width):
    """mean(x**2), of float32 numbers that are 0 beyond `width`."""
    return tl.sum(x * x, 0) / width


@triton.jit
def add_norm_kernel(
    residual, update, post, weight, total, normed, eps,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, ADDS: tl.constexpr, HAS_POST: tl.constexpr,
):  # fmt: skip
    """total = residual + rms_norm(update, post), normed = rms_norm(total, weight).

    rms_norm(x, w) = w * x / sqrt(mean(x**2) + eps) (Zhang and Sennrich 2019; transformers' Gemma2RMSNorm, whose 1 is
    in w already). Without HAS_POST the update is added as it is, without ADDS none is, and `total` is not written.

    Reads `residual` (T, D) float32, `update` (T, D) bf16, `post` and `weight` (D,) float32. Writes `total` (T, D)
    float32 and `normed` (T, D) bf16. A program is a token, all of its WIDTH = D numbers at once: (T,).
    """
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
    """d_x of y = weight * x * r, r = 1 / sqrt(mean(x**2) + eps): r * (g - x * r**2 * mean(g * x)), g = weight * d_y.

    All of them one token's numbers in float32, 0 beyond `width`.
    """
    scale = tl.rsqrt(_moment(x, width) + eps)
    d = d_y * weight
    return scale * (d - x * (scale * scale * tl.sum(d * x, 0) / width))


@triton.jit
def add_norm_backward_kernel(
    residual, update, post, weight, d_total, d_normed, d_residual, d_update, eps,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, ADDS: tl.constexpr, HAS_POST: tl.constexpr, IS_ADDED: tl.constexpr,
):  # fmt: skip
    """Gradients of what add_norm_kernel reads, by `_norm_backward`: first of its second norm, then of its first one.

    Reads what add_norm_kernel reads, with `residual` the total if IS_ADDED, `d_total` (T, D) float32 and `d_normed`
    (T, D) bf16. Writes `d_residual` (T, D) float32 and, if ADDS, `d_update` (T, D) bf16. A program is a token: (T,).
    """
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
def rotate_kernel(
    qkv, out, positions, cos, sin, query_norm, key_norm, eps,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, PAIRS: tl.constexpr, WIDE: tl.constexpr,
    BLOCK: tl.constexpr, NORMS: tl.constexpr,
):  # fmt: skip
    """x' = x cos - y sin, y' = y cos + x sin, of the first P numbers x and the next P, y, of queries' and keys' heads.

    RoPE (Su et al. 2021; transformers' apply_rotary_pos_emb). With NORMS each head is normalized first (transformers'
    Gemma3Attention): w * x / sqrt(mean(x**2) + eps), all of it is rotated, and `out` is not `qkv` itself: values are
    copied. Without, what is not rotated is not touched.

    Reads `qkv` (T, W) bf16, `positions` (T,) int32, `cos` and `sin` (positions, P) float32, `query_norm` and
    `key_norm` (C,) float32. Writes `out` (T, W) bf16. DIM is C, PAIRS is P, WIDE the same rounded up to a power of two;
    a program is a token and BLOCK of its heads: (T, tiles of heads).
    """
    token = tl.program_id(0).to(tl.int64)
    heads = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, WIDE)
    there = column < PAIRS
    turned = (heads < HEADS + KV_HEADS)[:, None]
    inside = turned & there[None, :]
    if NORMS:
        inside = (heads < HEADS + 2 * KV_HEADS)[:, None] & there[None, :]
    one = token * ((HEADS + 2 * KV_HEADS) * DIM) + heads[:, None] * DIM + column[None, :]
    two = one + PAIRS
    x = tl.load(qkv + one, mask=inside, other=0.0).to(tl.float32)
    y = tl.load(qkv + two, mask=inside, other=0.0).to(tl.float32)
    if NORMS:
        scale = tl.rsqrt((tl.sum(x * x, 1) + tl.sum(y * y, 1)) / DIM + eps)[:, None]
        is_query = (heads < HEADS)[:, None]
        x = tl.where(turned, x * scale * _of_query_or_key(query_norm, key_norm, column, there, is_query), x)
        y = tl.where(turned, y * scale * _of_query_or_key(query_norm, key_norm, PAIRS + column, there, is_query), y)
    position = tl.load(positions + token)
    c = tl.where(turned, tl.load(cos + position * PAIRS + column, mask=there, other=1.0)[None, :], 1.0)
    s = tl.where(turned, tl.load(sin + position * PAIRS + column, mask=there, other=0.0)[None, :], 0.0)
    tl.store(out + one, (x * c - y * s).to(out.dtype.element_ty), mask=inside)
    tl.store(out + two, (y * c + x * s).to(out.dtype.element_ty), mask=inside)


@triton.jit
def _of_query_or_key(query_norm, key_norm, column, there, is_query):
    """Those columns of the weight of the norm of each head, (heads, columns)."""
    of_query = tl.load(query_norm + column, mask=there, other=0.0)[None, :]
    of_key = tl.load(key_norm + column, mask=there, other=0.0)[None, :]
    return tl.where(is_query, of_query, of_key)


@triton.jit
def rotate_backward_kernel(
    raw, d_qkv, positions, cos, sin, query_norm, key_norm, eps,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, PAIRS: tl.constexpr, WIDE: tl.constexpr,
    BLOCK: tl.constexpr, NORMS: tl.constexpr,
):  # fmt: skip
    """d_x = d_x' cos + d_y' sin, d_y = d_y' cos - d_x' sin, and with NORMS the norm's backward pass, in place.

    Reads `raw` (T, W) bf16, what rotate_kernel read, if NORMS, and the same positions, angles and norms. Reads and
    writes `d_qkv` (T, W) bf16; what was not rotated stays. A program is a token and BLOCK of its heads: (T, tiles).
    """
    token = tl.program_id(0).to(tl.int64)
    heads = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, WIDE)
    there = column < PAIRS
    inside = (heads < HEADS + KV_HEADS)[:, None] & there[None, :]
    one = token * ((HEADS + 2 * KV_HEADS) * DIM) + heads[:, None] * DIM + column[None, :]
    two = one + PAIRS
    position = tl.load(positions + token)
    c = tl.load(cos + position * PAIRS + column, mask=there, other=1.0)[None, :]
    s = tl.load(sin + position * PAIRS + column, mask=there, other=0.0)[None, :]
    d_one = tl.load(d_qkv + one, mask=inside, other=0.0).to(tl.float32)
    d_two = tl.load(d_qkv + two, mask=inside, other=0.0).to(tl.float32)
    d_x = d_one * c + d_two * s
    d_y = d_two * c - d_one * s
    if NORMS:
        x = tl.load(raw + one, mask=inside, other=0.0).to(tl.float32)
        y = tl.load(raw + two, mask=inside, other=0.0).to(tl.float32)
        scale = tl.rsqrt((tl.sum(x * x, 1) + tl.sum(y * y, 1)) / DIM + eps)[:, None]
        is_query = (heads < HEADS)[:, None]
        d_x *= _of_query_or_key(query_norm, key_norm, column, there, is_query)
        d_y *= _of_query_or_key(query_norm, key_norm, PAIRS + column, there, is_query)
        along = scale * scale * ((tl.sum(d_x * x, 1) + tl.sum(d_y * y, 1)) / DIM)[:, None]
        d_x = scale * (d_x - x * along)
        d_y = scale * (d_y - y * along)
    tl.store(d_qkv + one, d_x.to(d_qkv.dtype.element_ty), mask=inside)
    tl.store(d_qkv + two, d_y.to(d_qkv.dtype.element_ty), mask=inside)


@triton.jit
def _activation(x, SILU: tl.constexpr):
    """silu(x), or gelu(x) in its tanh form (Hendrycks and Gimpel 2016), in float32 and the shape of `x`.

    Both are x * sigmoid of something: x / 2 * (1 + tanh(z)) = x * sigmoid(2 z), z = sqrt(2 / pi) (x + 0.044715 x**3).
    1.5957691216057308 is 2 sqrt(2 / pi).
    """
    if SILU:
        return x * tl.sigmoid(x)
    return x * tl.sigmoid(1.5957691216057308 * x * (1.0 + 0.044715 * x * x))


@triton.jit
def glu_kernel(gate_up, gated, WIDTH: tl.constexpr, BLOCK: tl.constexpr, SILU: tl.constexpr):
    """gated = activation(gate) * up (GEGLU and SwiGLU, Shazeer 2020; transformers' Gemma2MLP and LlamaMLP).

    Reads `gate_up` (T, 2 F) bf16, writes `gated` (T, F) bf16. WIDTH is F; a program is BLOCK of a token's numbers:
    (T, tiles of F).
    """
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < WIDTH
    gate = tl.load(gate_up + token * 2 * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + token * 2 * WIDTH + WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(gated + token * WIDTH + column, (_activation(gate, SILU) * up).to(gated.dtype.element_ty), mask=inside)


@triton.jit
def glu_backward_kernel(gate_up, d_gated, d_gate_up, WIDTH: tl.constexpr, BLOCK: tl.constexpr, SILU: tl.constexpr):
    """d_gate = d_gated * up * activation'(gate), d_up = d_gated * activation(gate).

    With h = sigmoid(u(x)) and activation(x) = x h: activation'(x) = h + x h (1 - h) u'(x). Reads `gate_up` (T, 2 F)
    and `d_gated` (T, F) bf16, writes `d_gate_up` (T, 2 F) bf16. A program is BLOCK of a token's numbers: (T, tiles).
    """
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < WIDTH
    gate = tl.load(gate_up + token * 2 * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + token * 2 * WIDTH + WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    d = tl.load(d_gated + token * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    if SILU:
        share = tl.sigmoid(gate)
        slope = share + gate * share * (1.0 - share)
    else:
        share = tl.sigmoid(1.5957691216057308 * gate * (1.0 + 0.044715 * gate * gate))
        slope = share + gate * share * (1.0 - share) * 1.5957691216057308 * (1.0 + 3 * 0.044715 * gate * gate)
    kind = d_gate_up.dtype.element_ty
    tl.store(d_gate_up + token * 2 * WIDTH + column, (d * up * slope).to(kind), mask=inside)
    tl.store(d_gate_up + token * 2 * WIDTH + WIDTH + column, (d * gate * share).to(kind), mask=inside)
