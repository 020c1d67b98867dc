"""Tiny models of the packed engine's families, examples of given lengths, and what an engine learns of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from transformers import (
    Gemma2Config,
    Gemma2ForSequenceClassification,
    Gemma3Config,
    Gemma3ForSequenceClassification,
    Gemma3TextConfig,
    Gemma3TextForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForSequenceClassification,
    Phi3Config,
    Phi3ForSequenceClassification,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen3Config,
    Qwen3ForSequenceClassification,
    SiglipVisionConfig,
)

from core.engine.draws import draw_keys
from core.model.dropout import draws_of
from core.packed.engine import PackedEngine
from core.packed.layout import Layout
from core.packed.pack import pack

VOCABULARY = 600
SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "num_labels": 3,
}  # fmt: skip
WINDOW = 16
CONFIGS: dict[str, tuple[Any, Any]] = {
    "gemma2": (
        Gemma2ForSequenceClassification,
        Gemma2Config(**SIZES, head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW, attn_logit_softcapping=2.0),
    ),
    "gemma3": (Gemma3TextForSequenceClassification, Gemma3TextConfig(**SIZES, head_dim=16, sliding_window=WINDOW)),
    "gemma3-with-images": (
        Gemma3ForSequenceClassification,
        Gemma3Config(
            text_config=Gemma3TextConfig(**SIZES, head_dim=16, sliding_window=WINDOW),
            vision_config=SiglipVisionConfig(
                hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, image_size=28,
                patch_size=14,
            ),
            mm_tokens_per_image=4,
            num_labels=3,
        ),
    ),
    "llama": (
        LlamaForSequenceClassification,
        LlamaConfig(**SIZES, head_dim=32, attention_bias=True, rope_parameters={
            "rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
        }),
    ),
    "mistral": (MistralForSequenceClassification, MistralConfig(**SIZES, head_dim=32, sliding_window=WINDOW)),
    "phi3": (  # as Phi-4-mini, with a window
        Phi3ForSequenceClassification,
        Phi3Config(
            **SIZES, sliding_window=WINDOW, original_max_position_embeddings=64, partial_rotary_factor=0.75,
            rope_parameters={
                "rope_type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5], "long_factor": [4.0] * 6,
            },
        ),
    ),
    "qwen2": (Qwen2ForSequenceClassification, Qwen2Config(**SIZES)),
    "qwen3": (
        Qwen3ForSequenceClassification,
        Qwen3Config(**SIZES, head_dim=32, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=2),
    ),
}  # fmt: skip
WITH_WINDOWS = {"gemma2", "gemma3", "gemma3-with-images", "mistral", "phi3", "qwen3"}
Learned = dict[str, torch.Tensor]


def rows_of(lengths: Sequence[int], seed: int = 0) -> list[dict[str, Any]]:
    """Random tokens, none of them padding or special."""
    chance = np.random.default_rng(seed)
    return [
        {"input_ids": chance.integers(4, VOCABULARY, length).astype(np.int32), "labels": number % 3, "row": number}
        for number, length in enumerate(lengths)
    ]


def batch(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """What the padded engine is given."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row["input_ids"])] = torch.from_numpy(row["input_ids"])
        mask[number, : len(row["input_ids"])] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([row["labels"] for row in rows])}


def draws_of_rows(rows: Sequence[dict[str, Any]], step: int = 0) -> torch.Tensor:
    """(E,) int64: what their dropout is drawn by in that step."""
    return torch.from_numpy(draw_keys(0, step, [row["row"] for row in rows]))


def set_to_work(model: PeftModel, family: str) -> PeftModel:
    """Give all that begins as zero or one a value of its own, so that nothing is right by chance."""
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
        elif "norm" in name:
            torch.nn.init.normal_(parameter, mean=0.0 if family.startswith("gemma") else 1.0, std=0.2)
        elif name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def engine_of(model: PeftModel, layout: Layout, longest: int) -> PackedEngine:
    return PackedEngine(model, dtype=model.get_input_embeddings().weight.dtype, longest=longest, layout=layout)


def padded_logits(model: PeftModel, rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """With the labels."""
    weights = model.get_input_embeddings().weight
    inputs = {name: tensor.to(weights.device) for name, tensor in batch(rows).items()}
    labels = inputs.pop("labels")
    with torch.autocast(weights.device.type, torch.bfloat16, enabled=weights.dtype is torch.bfloat16):
        return model(**inputs).logits, labels


def packed_logits(
    engine: PackedEngine, rows: list[dict[str, Any]], **draws: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """With the labels."""
    inputs = {name: tensor.to(engine.device) for name, tensor in {**pack(rows), **draws}.items()}
    labels = inputs.pop("labels")
    return engine(**inputs).logits, labels


def padded(model: PeftModel, rows: list[dict[str, Any]]) -> Learned:
    device = model.get_input_embeddings().weight.device
    with draws_of(model).of(draws_of_rows(rows).to(device), batch(rows)["attention_mask"].to(device)):
        return _learned(model, *padded_logits(model, rows))


def packed(model: PeftModel, rows: list[dict[str, Any]], layout: Layout) -> Learned:
    longest = max(len(row["input_ids"]) for row in rows)
    return _learned(model, *packed_logits(engine_of(model, layout, longest), rows, draws=draws_of_rows(rows)))


def _learned(model: PeftModel, logits: torch.Tensor, labels: torch.Tensor) -> Learned:
    """Logits, loss and the gradient of each parameter that has one."""
    loss = torch.nn.functional.cross_entropy(logits.float(), labels)
    model.zero_grad()
    loss.backward()
    gradients = {name: p.grad.detach().clone() for name, p in model.named_parameters() if p.grad is not None}
    return {"logits": logits.detach().float(), "loss": loss.detach(), **gradients}
