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


GEMMA3_12B = {
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15_360, "num_hidden_layers": 48,
        "num_attention_heads": 16, "num_key_value_heads": 8, "sliding_window": 1024,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
    },
    "vision_config": {
        "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27,
        "num_attention_heads": 16, "image_size": 896, "patch_size": 14, "vision_use_head": False,
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


QWEN3 = {
    "model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936,
    "use_sliding_window": False, "sliding_window": None, "max_window_layers": 36, "rope_theta": 1_000_000,
    "attention_bias": False,
}  # fmt: skip


MISTRAL = {
    "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32_000, "sliding_window": 4096,
    "max_position_embeddings": 32_768,
}  # fmt: skip


PHI3_MINI = {
    "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32_064, "sliding_window": 2047,
    "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rope_scaling": None,
    "resid_pdrop": 0.0, "embd_pdrop": 0.0,
}  # fmt: skip


PHI4_MINI = {
    **PHI3_MINI, "num_attention_heads": 24, "num_key_value_heads": 8, "vocab_size": 200_064,
    "sliding_window": 262_144, "max_position_embeddings": 131_072, "partial_rotary_factor": 0.75,
    "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [1.5] * 48},
}  # fmt: skip


def shape(config: dict[str, Any], model: settings.Model | None = None) -> ModelShape:
    found = read_shape(config, model or settings.Model())
    assert found is not None
    return found
