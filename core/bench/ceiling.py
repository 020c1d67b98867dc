"""The least that a step must compute, and how fast the device multiplies the matrices it is made of."""

import statistics
import time

import torch

from core.model.shape import ModelShape
from core.profile.settings import Profile

REPEATS = 20


def flops_per_token(profile: Profile, shape: ModelShape, *, is_training: bool) -> float:
    """Of the projections alone: forward through all layers, and input gradients through the trained ones.

    2 a weight and pass; frozen weights have no gradient, and nothing is computed twice.
    """
    layer = sum(inputs * outputs for inputs, outputs in shape.projections.values())
    passes = shape.layers + (shape.layers - profile.lora.freeze_layers if is_training else 0)
    return 2.0 * layer * passes


def ceiling(shape: ModelShape, tokens: int, dtype: torch.dtype, device: str) -> float:
    """FLOP/s over a layer's four products of `tokens` tokens, random numbers in all of them."""
    keys = shape.kv_heads * shape.head_dim
    products = (
        (shape.hidden, shape.queries + 2 * keys),
        (shape.queries, shape.hidden),
        (shape.hidden, 2 * shape.intermediate),
        (shape.intermediate, shape.hidden),
    )
    seconds = sum(_seconds(tokens, inputs, outputs, dtype, device) for inputs, outputs in products)
    return 2.0 * tokens * sum(inputs * outputs for inputs, outputs in products) / seconds


def _seconds(tokens: int, inputs: int, outputs: int, dtype: torch.dtype, device: str) -> float:
    x = torch.randn(tokens, inputs, dtype=dtype, device=device)
    weight = torch.randn(outputs, inputs, dtype=dtype, device=device)
    took = []
    for _ in range(REPEATS):
        wait()
        began = time.perf_counter()
        for _ in range(4):
            torch.nn.functional.linear(x, weight)
        wait()
        took.append((time.perf_counter() - began) / 4)
    return statistics.median(took[REPEATS // 4 :])


def wait() -> None:
    """Until the device has done all it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
