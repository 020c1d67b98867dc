"""Published models that are timed, by what their config.json says of their shape. Imports nothing heavy."""

from typing import Any

from core.bench.protocol import Size

GEMMA2 = {"model_type": "gemma2", "head_dim": 256, "query_pre_attn_scalar": 256, "vocab_size": 256_000}
PHI3 = {
    "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
    "sliding_window": None,
}  # fmt: skip
SIZES: dict[Size, dict[str, Any]] = {
    "9b": {
        **GEMMA2, "hidden_size": 3584, "intermediate_size": 14_336, "num_hidden_layers": 42,
        "num_attention_heads": 16, "num_key_value_heads": 8,
    },
    "2b": {
        **GEMMA2, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "num_key_value_heads": 4,
    },
    "gemma3-12b": {
        "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15_360, "num_hidden_layers": 48,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 262_208,
        "sliding_window": 1024,
    },
    "qwen3-8b": {
        "model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936,
    },
    "mistral-7b": {
        "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32_768, "sliding_window": None,
    },
    "phi-3-mini": {
        **PHI3, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32_064, "sliding_window": 2047,
    },
    "phi-4-mini": {
        **PHI3, "num_attention_heads": 24, "num_key_value_heads": 8, "vocab_size": 200_064,
        "max_position_embeddings": 131_072, "partial_rotary_factor": 0.75,
        "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [1.5] * 48},
    },
    "phi-4": {
        **PHI3, "hidden_size": 5120, "intermediate_size": 17_920, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 10, "vocab_size": 100_352, "max_position_embeddings": 16_384,
    },
    "tiny": {
        **GEMMA2, "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 6,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "query_pre_attn_scalar": 32,
    },
}  # fmt: skip
