"""Shapes of published models, from their config.json's figures."""

from typing import Any

from core.model.shape import ModelShape, read_shape
from core.profile import settings

NINE = {
    "model_type": "gemma2", "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 256_000,
    "attn_logit_softcapping": 50.0, "sliding_window": 4096,
}  # fmt: skip


GEMMA3 = {
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
}  # fmt: skip


LLAMA = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256,
}  # fmt: skip


QWEN = {
    "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
    "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152_064, "use_sliding_window": False,
    "sliding_window": 131_072,
}  # fmt: skip


def shape(config: dict[str, Any], model: settings.Model | None = None) -> ModelShape:
    found = read_shape(config, model or settings.Model())
    assert found is not None
    return found
