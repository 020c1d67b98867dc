"""The packed engine's gate: every key of the families' configurations is computed as transformers does, or refused.

A key that a new release of transformers adds, or reads, fails the walk until it is varied or refused here.
"""

from dataclasses import fields
from typing import Any

import pytest
import torch
from packing import engine_of, packed_logits, rows_of, set_to_work
from peft import PeftModel
from transformers import (
    Gemma2Config,
    Gemma2ForSequenceClassification,
    Gemma3Config,
    Gemma3TextConfig,
    Gemma3TextForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForSequenceClassification,
    Phi3Config,
    Phi3ForSequenceClassification,
    PretrainedConfig,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen3Config,
    Qwen3ForSequenceClassification,
)

from core.model.lora import add_adapters
from core.packed.gate import obstacle
from core.packed.layout import Layout
from core.profile import settings

SIZES: dict[str, Any] = {
    "vocab_size": 600, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64,
    "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2,
}  # fmt: skip
GEMMA = {**SIZES, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 8}
FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "gemma2": (Gemma2Config, Gemma2ForSequenceClassification, {**GEMMA, "attn_logit_softcapping": 2.0}),
    "gemma3_text": (Gemma3TextConfig, Gemma3TextForSequenceClassification, {**GEMMA, "sliding_window_pattern": 2}),
    "llama": (LlamaConfig, LlamaForSequenceClassification, SIZES),
    "mistral": (MistralConfig, MistralForSequenceClassification, {**SIZES, "sliding_window": 8}),
    "phi3": (Phi3Config, Phi3ForSequenceClassification, {**SIZES, "sliding_window": 8}),
    "qwen2": (Qwen2Config, Qwen2ForSequenceClassification, SIZES),
    "qwen3": (Qwen3Config, Qwen3ForSequenceClassification, {**SIZES, "head_dim": 16}),
}
ROWS = rows_of([31, 9, 1, 8])
LAYOUT = Layout(keeps_weights=True, checkpointing="none", examples=len(ROWS))

YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
LONG = {
    "type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0], "long_factor": [4.0] * 8,
}  # fmt: skip
PART = {"rope_type": "default", "rope_theta": 50.0, "partial_rotary_factor": 0.75}
ROTATIONS = [{"rope_type": "linear", "rope_theta": 50.0, "factor": 2.0}, LLAMA3, YARN, {"rope_theta": 50.0}]
BY_KIND = [{"full_attention": LLAMA3, "sliding_attention": {"rope_theta": 50.0}}, {"full_attention": YARN}]
NESTED = ("text_config", "text_encoder", "decoder", "generator")
KINDS = ["full_attention", "full_attention", "sliding_attention"]

# Other values than the tiny models have, with which the packed engine computes what transformers does.
ALL_SIZES = {
    "vocab_size": 700, "hidden_size": 64, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 100, "rms_norm_eps": 0.1,
}  # fmt: skip
IDLE = {
    "pad_token_id": 1, "eos_token_id": [1, 3], "bos_token_id": 3, "initializer_range": 0.05, "use_cache": False,
    "tie_word_embeddings": True, "output_hidden_states": True, "output_attentions": True, "dtype": "bfloat16",
    "chunk_size_feed_forward": 1, "is_encoder_decoder": True, "id2label": {0: "a", 1: "b", 2: "tie"},
    "label2id": {"a": 0, "b": 1, "tie": 2}, "problem_type": "multi_label_classification", "architectures": ["Other"],
    "transformers_version": "4.40.0", "_name_or_path": "elsewhere", "gradient_checkpointing": True,
    "auto_map": {"AutoModel": "elsewhere.Model"}, "kv_sharing_modes": ["reuse"], "vision_aspect_ratio": "anyres",
    "vision_feature_layer": 1, "vision_feature_select_strategy": "full",
}  # fmt: skip
OF_FAMILY: dict[str, dict[str, list[Any]]] = {
    "gemma2": {
        "hidden_activation": ["silu"], "hidden_act": ["relu"], "attention_bias": [True],
        "query_pre_attn_scalar": [100], "final_logit_softcapping": [1.0], "attn_logit_softcapping": [0.5, None],
        "sliding_window": [3, 100], "layer_types": [KINDS], "rope_parameters": ROTATIONS, "rope_theta": [50.0],
    },
    "gemma3_text": {
        "hidden_activation": ["silu"], "hidden_act": ["relu"], "attention_bias": [True],
        "query_pre_attn_scalar": [100], "final_logit_softcapping": [1.0], "attn_logit_softcapping": [0.5],
        "sliding_window": [3, 100], "layer_types": [KINDS], "rope_parameters": BY_KIND, "rope_theta": [50.0],
        "rope_scaling": [{"type": "linear", "factor": 4.0}], "rope_local_base_freq": [50.0],
        "sliding_window_pattern": [3], "_sliding_window_pattern": [3],
    },
    "llama": {
        "hidden_act": ["gelu_pytorch_tanh"], "hidden_activation": ["relu"], "attention_bias": [True],
        "mlp_bias": [True], "pretraining_tp": [2], "rope_parameters": ROTATIONS, "rope_theta": [50.0],
        "rope_scaling": [{"type": "linear", "factor": 4.0}], "num_key_value_heads": [None],
        "original_max_position_embeddings": [16], "sliding_window": [3], "layer_types": [KINDS],
        "attention_chunk_size": [4], "attn_logit_softcapping": [0.5],
    },
    "qwen2": {
        "hidden_act": ["gelu_pytorch_tanh"], "hidden_activation": ["relu"], "sliding_window": [3],
        "max_window_layers": [1], "layer_types": [["full_attention"] * 3], "rope_parameters": ROTATIONS,
        "rope_theta": [50.0],
    },
    "mistral": {
        "hidden_act": ["gelu_pytorch_tanh"], "hidden_activation": ["relu"], "attention_bias": [True],
        "sliding_window": [3, 100, None], "layer_types": [KINDS], "rope_parameters": ROTATIONS, "rope_theta": [50.0],
        "rope_scaling": [{"type": "linear", "factor": 4.0}],
    },
    "phi3": {
        "hidden_act": ["gelu_pytorch_tanh"], "hidden_activation": ["relu"], "attention_bias": [True],
        "sliding_window": [3, 100, None], "rope_parameters": [LONG, PART, {"rope_theta": 50.0}], "rope_theta": [50.0],
        "rope_scaling": [LONG, {**LONG, "type": "yarn"}], "layer_types": [KINDS], "num_key_value_heads": [None],
        "partial_rotary_factor": [0.5],
        "original_max_position_embeddings": [16], "embd_pdrop": [0.5], "max_position_embeddings": [4096],
    },
    "qwen3": {
        "hidden_act": ["gelu_pytorch_tanh"], "hidden_activation": ["relu"], "attention_bias": [True],
        "sliding_window": [3], "max_window_layers": [1], "layer_types": [["full_attention"] * 3],
        "rope_parameters": ROTATIONS, "rope_theta": [50.0], "rope_scaling": [{"type": "linear", "factor": 4.0}],
        "num_key_value_heads": [None],
    },
}  # fmt: skip
COMPUTED: list[tuple[str, dict[str, Any]]] = [
    *((family, overrides) for family in FAMILIES for overrides in (ALL_SIZES, IDLE)),
    *((family, {key: value}) for family, own in OF_FAMILY.items() for key in own for value in own[key]),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 3, "layer_types": KINDS}),
    ("llama", {"rope_parameters": LLAMA3, "original_max_position_embeddings": 16}),
    (
        "phi3",
        {"rope_scaling": {**LONG, "short_factor": [1.5] * 6, "long_factor": [4.0] * 6}, "partial_rotary_factor": 0.75},
    ),
    ("phi3", {"rope_scaling": LONG, "original_max_position_embeddings": 1024, "max_position_embeddings": 9000}),
    ("qwen3", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1}),
    ("qwen3", {"use_sliding_window": True, "sliding_window": 3, "layer_types": KINDS}),
]
NOT_OF_A_FILE = {
    "model_type",  # the family itself
    "return_dict",  # transformers' own classifiers fail without it
    # Where and by what kernel a model is computed, which the classes and the loader set.
    "base_model_ep_plan", "base_model_fsdp_plan", "base_model_pp_plan", "base_model_tp_plan", "sub_configs",
    "_attn_implementation_internal", "_experts_implementation_internal", "_heterogeneity_spec", "_output_attentions",
    "_rope_type_labels",
}  # fmt: skip
CAUSAL = "attention is not causal"
IN_PART = "a part of each head is not rotated"
WHOLLY = [family for family in FAMILIES if family != "phi3"]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((family, {"attention_dropout": 0.1}, "attention has dropout") for family in FAMILIES),
    *((family, {"is_causal": False}, CAUSAL) for family in FAMILIES),
    *((family, {"head_dim": 48}, "its kernels do not support heads of 48") for family in FAMILIES),
    *((family, {"per_layer_config": {0: {"num_key_value_heads": 2}}}, "sizes of their own") for family in FAMILIES),
    *((family, {"partial_rotary_factor": 0.5}, IN_PART) for family in WHOLLY),
    *((family, {key: {}}, f"a model of its own in {key}") for family in FAMILIES for key in NESTED),
    *((family, {"default_rope_type": "axial"}, "the rotation axial") for family in FAMILIES),
    *((family, {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, "dynamic") for family in FAMILIES),
    *((family, {"rope_scaling": {"type": "longrope"}}, "the rotation longrope") for family in WHOLLY),
    *((family, {"rope_parameters": {"partial_rotary_factor": 0.5}}, IN_PART) for family in WHOLLY),
    ("gemma3_text", {"rope_parameters": {"full_attention": {"rope_type": "dynamic"}}}, "the rotation dynamic"),
    ("gemma3_text", {"rope_parameters": {"full_attention": {"partial_rotary_factor": 0.5}}}, IN_PART),
    ("gemma2", {"use_bidirectional_attention": True}, CAUSAL),
    ("gemma3_text", {"use_bidirectional_attention": True}, CAUSAL),
    ("gemma2", {"hidden_activation": "relu"}, "it does not support the activation relu"),
    ("gemma3_text", {"hidden_activation": "gelu"}, "it does not support the activation gelu"),
    ("llama", {"hidden_act": "relu"}, "it does not support the activation relu"),
    ("qwen2", {"hidden_act": "gelu_new"}, "it does not support the activation gelu_new"),
    ("mistral", {"hidden_act": "relu"}, "it does not support the activation relu"),
    ("phi3", {"hidden_act": "gelu"}, "it does not support the activation gelu"),
    ("phi3", {"resid_pdrop": 0.1}, "what a layer adds has dropout"),
    ("phi3", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "the rotation linear"),
    ("phi3", {"rope_scaling": {**LONG, "type": "su"}}, "the rotation su"),
    ("phi3", {"partial_rotary_factor": 0.0}, "partial_rotary_factor is 0.0"),
    ("phi3", {"rope_scaling": LONG, "original_max_position_embeddings": 512}, "rows of more than 512 tokens"),
    ("phi3", {"rope_scaling": {**LONG, "type": "yarn"}, "original_max_position_embeddings": 512}, "more than 512"),
    ("phi3", {"sliding_window": 0}, "sliding_window is 0 where layers slide"),
    ("mistral", {"sliding_window": 0}, "sliding_window is 0 where layers slide"),
    ("qwen3", {"hidden_act": "relu"}, "it does not support the activation relu"),
    ("qwen3", {"use_sliding_window": True, "sliding_window": None}, "sliding_window is None where layers slide"),
    ("qwen3", {"layer_types": KINDS, "sliding_window": None}, "sliding_window is None where layers slide"),
    ("gemma2", {"attn_logit_softcapping": 0.0}, "attn_logit_softcapping is 0.0"),
    ("gemma2", {"layer_types": ["chunked_attention"] * 3}, "layers of chunked_attention"),
    ("gemma2", {"sliding_window": None}, "sliding_window is None where layers slide"),
    ("gemma3_text", {"sliding_window": 0}, "sliding_window is 0 where layers slide"),
    ("qwen2", {"use_sliding_window": True, "sliding_window": None}, "sliding_window is None where layers slide"),
    ("qwen2", {"layer_types": KINDS, "sliding_window": None}, "sliding_window is None where layers slide"),
    ("gemma2", {"quantization_config": {"bnb_4bit_quant_storage": "bfloat16"}}, "weights are stored as bfloat16"),
    ("bert", {}, "it does not support the family bert"),
    ("llava", {"text_config": {"model_type": "gpt_neox"}}, "it does not support the family llava"),
]


def named(value: Any) -> str | None:
    return value if isinstance(value, str) else ",".join(f"{k}={v}" for k, v in value.items())[:60]


def classifier(family: str, overrides: dict[str, Any]) -> PeftModel:
    """With random weights, norms, biases and adapters, as the trainer has it."""
    config_class, kind, base = FAMILIES[family]
    config = config_class(**{**base, **overrides}, num_labels=3, attn_implementation="eager")
    config.use_cache = False
    torch.manual_seed(0)
    model = add_adapters(kind(config).float(), settings.Lora(freeze_layers=0, target_modules="all-linear"))
    return set_to_work(model, family).eval()


@pytest.mark.slow
@pytest.mark.parametrize(("family", "overrides"), COMPUTED, ids=named)
def test_a_key_that_is_let_through_is_computed_as_transformers_does(family: str, overrides: dict[str, Any]) -> None:
    model = classifier(family, overrides)
    stated = {"model_type": family, **FAMILIES[family][2], **overrides}
    for config in (stated, model.get_base_model().config.to_dict()):  # as a file has it, and filled in
        assert obstacle(settings.Profile(), config, precision="fp32", best="fp32") is None
    with torch.no_grad():
        theirs = [model(input_ids=torch.tensor(row["input_ids"])[None].long(), return_dict=True).logits for row in ROWS]
        ours = packed_logits(engine_of(model, LAYOUT, 31), ROWS)[0]
    torch.testing.assert_close(ours, torch.cat(theirs), atol=2e-6, rtol=2e-4)


@pytest.mark.parametrize(("family", "overrides", "said"), REFUSED, ids=named)
def test_a_key_that_is_computed_otherwise_is_refused_with_its_reason(
    family: str, overrides: dict[str, Any], said: str
) -> None:
    stated = {"model_type": family, **FAMILIES.get(family, FAMILIES["llama"])[2], **overrides}
    assert said in (obstacle(settings.Profile(), stated, precision="fp32", best="fp32") or "")


def test_a_model_that_reads_images_is_judged_by_its_decoder_of_text() -> None:
    """test_packed.py compares what it computes."""
    for of_text, said in (
        ({}, None),
        ({"use_bidirectional_attention": True}, CAUSAL),
        ({"head_dim": 48}, "its kernels do not support heads of 48"),
    ):
        stated = {"model_type": "gemma3", "text_config": {**GEMMA, **of_text}}
        for config in (stated, Gemma3Config(**stated).to_dict()):
            assert obstacle(settings.Profile(), config, precision="fp32", best="fp32") == said


@pytest.mark.parametrize("family", FAMILIES)
def test_somebody_has_decided_about_every_key_of_a_configuration(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the class declares or writes, and those that a model reads, declared or not, built and at work."""
    config_class, kind, base = FAMILIES[family]
    config = config_class(**base, attn_implementation="eager")
    read: set[str] = set()
    by_itself = PretrainedConfig.__getattribute__

    def noted(config: PretrainedConfig, key: str) -> Any:
        read.add(key)
        return by_itself(config, key)

    monkeypatch.setattr(PretrainedConfig, "__getattribute__", noted)
    with torch.no_grad():
        kind(config)(input_ids=torch.arange(4, 40)[None])
    monkeypatch.undo()

    assert "rms_norm_eps" in read
    read = {key for key in read if not key.startswith("__") and not is_code(config_class, key)}
    keys = {field.name for field in fields(config_class)} | set(config_class().to_dict()) | read
    decided = {key for of, overrides in COMPUTED for key in overrides if of == family}
    decided |= {key for of, overrides, _ in REFUSED for key in overrides if of == family}
    assert keys - decided - NOT_OF_A_FILE == set()


def is_code(kind: type, name: str) -> bool:
    found = getattr(kind, name, None)
    return callable(found) or isinstance(found, property)
