"""Models of random weights, and the timing of their steps and of the products they are made of."""

import statistics
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import bitsandbytes
import torch
from peft import PeftModel
from transformers import (
    AutoConfig,
    PretrainedConfig,
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from core.model.load import lay_out
from core.model.lora import add_adapters
from core.model.shape import ModelShape
from core.outcomes import A_B_TIE
from core.profile.settings import Profile

DEVIATION = 0.02


def classifier_config(sizes: Mapping[str, Any]) -> PretrainedConfig:
    """That of a classifier of three outcomes of these sizes, of which `model_type` is one."""
    return AutoConfig.for_model(
        **deepcopy(dict(sizes)),
        num_labels=len(A_B_TIE),
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        use_cache=False,
    )


def random_classifier(config: PretrainedConfig, profile: Profile, *, dtype: torch.dtype, device: str) -> PeftModel:
    """The profile's model and adapters as a run would load them, all weights random and the same each time."""
    torch.manual_seed(0)
    base = lay_out(config, profile.model)
    for module in base.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            _quantize(module, profile, dtype, device)
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.is_meta:
                values = torch.randn(parameter.shape, dtype=dtype, device=device) * DEVIATION
                setattr(module, name, torch.nn.Parameter(values, requires_grad=False))
    _fill_buffers(base, config, device)
    base.is_loaded_in_4bit = profile.model.quantization == "nf4"
    model = add_adapters(base, profile.lora)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zeros at first, which would leave gradients of zero
            torch.nn.init.normal_(parameter, std=DEVIATION)
    return model


def _quantize(module: Any, profile: Profile, dtype: torch.dtype, device: str) -> None:
    weights = torch.randn(module.out_features, module.in_features, dtype=dtype, device=device) * DEVIATION
    module.compute_dtype = dtype
    module.support_avx512bf16_for_cpu = False
    module.weight = bitsandbytes.nn.Params4bit(
        weights,
        requires_grad=False,
        quant_type="nf4",
        compress_statistics=profile.model.double_quant,
        module=module,
    ).to(device)


def _fill_buffers(base: PreTrainedModel, config: PretrainedConfig, device: str) -> None:
    decoder = base.model
    decoder.rotary_emb = type(decoder.rotary_emb)(config).to(device)
    scale = torch.tensor(config.hidden_size**0.5, device=device)
    for module in base.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:
                setattr(module, name, scale)


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
