"""Times training steps and matrix products: the least that a step must compute, and what it takes."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from core.model.shape import ModelShape
from core.profile.settings import Profile


class Clock(TrainerCallback):
    """`seconds` and `tokens` of the steps after the first `warmup`; `first`: seconds of the first one."""

    def __init__(self, warmup: int) -> None:
        self.first = self.seconds = 0.0
        self.tokens = 0
        self._warmup = warmup
        self._began = 0.0
        self._tokens_before = 0

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step in (0, self._warmup):
            wait()
            self._began, self._tokens_before = time.perf_counter(), int(state.num_input_tokens_seen)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step == 1:
            wait()
            self.first = time.perf_counter() - self._began

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        wait()
        self.seconds = time.perf_counter() - self._began
        self.tokens = int(state.num_input_tokens_seen) - self._tokens_before


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    wait()
    began = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - began


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
