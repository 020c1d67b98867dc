"""NF4 weights with double-quantized scales (QLoRA, Dettmers et al. 2023) dequantized in one pass by a Triton kernel."""

import triton
import triton.language as tl
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Params4bit
from torch import Tensor

from core.packed.ops_reference import state_in

BYTES = 1024
"""Packed bytes of a program; each is two weights."""


@triton.jit
def dequantize_kernel(
    packed, levels, scales, scale_levels, scale_scales, offset, out,
    WEIGHTS_PER_SCALE: tl.constexpr, SCALES_PER_SCALE: tl.constexpr, BYTES: tl.constexpr,
):  # fmt: skip
    """out = levels[code] * scale, with scale = scale_levels[scale's code] * scale_scales + offset, in float32.

    bitsandbytes' dequantize_4bit, whose QuantState holds these: `packed` (weights / 2,) uint8, two codes a byte, the
    first in the high half; `levels` (16,) float32; `scales` (weights / WEIGHTS_PER_SCALE,) uint8, codes of
    `scale_levels` (256,) float32; `scale_scales` (scales / SCALES_PER_SCALE,) float32; `offset` () float32. Writes
    `out` (weights,), rounded to its type. A program is BYTES bytes: (weights / 2 / BYTES,).
    """
    place = tl.program_id(0).to(tl.int64) * BYTES + tl.arange(0, BYTES)
    byte = tl.load(packed + place)
    block = place * 2 // WEIGHTS_PER_SCALE
    scale = tl.load(scale_levels + tl.load(scales + block).to(tl.int32))
    scale = scale * tl.load(scale_scales + block // SCALES_PER_SCALE) + tl.load(offset)
    high = tl.load(levels + (byte >> 4).to(tl.int32)) * scale
    low = tl.load(levels + (byte & 15).to(tl.int32)) * scale
    pair = tl.interleave(high, low)
    both = tl.program_id(0).to(tl.int64) * (2 * BYTES) + tl.arange(0, 2 * BYTES)
    tl.store(out + both, pair.to(out.dtype.element_ty))


def dequantize(weight: Params4bit, into: Tensor) -> None:
    """`Ops.dequantize`: the values into `into`, (outputs, I) of any type.

    Weights without double quantization, or that are no multiple of BYTES bytes, are left to bitsandbytes.
    """
    state = weight.quant_state
    if not state.nested or weight.numel() % BYTES:
        dequantize_4bit(weight.data, state_in(into.dtype, weight), out=into)
        return
    dequantize_kernel[weight.numel() // BYTES,](
        weight.data, state.code, state.absmax, state.state2.code, state.state2.absmax, state.offset, into,
        WEIGHTS_PER_SCALE=state.blocksize, SCALES_PER_SCALE=state.state2.blocksize, BYTES=BYTES,
        enable_fp_fusion=False,  # else product and offset are rounded once, not twice as bitsandbytes does
    )  # fmt: skip
