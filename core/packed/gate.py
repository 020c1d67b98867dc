"""Which models the packed engine computes as transformers does. Imports nothing heavy.

It stands for the configurations of the four families in transformers 5.24: a key that changes what they compute is
read by core.packed.engine in the same way, or has a rule here. test_gate.py varies every one of them.
"""

from collections.abc import Mapping
from typing import Any

from core.model.shape import decoder_config
from core.profile.settings import Profile

ACTIVATION_KEYS = {
    "gemma2": "hidden_activation",
    "gemma3_text": "hidden_activation",
    "llama": "hidden_act",
    "qwen2": "hidden_act",
}
"""The families, and the key that names the activation in each."""
ACTIVATIONS = ("gelu_pytorch_tanh", "silu")
ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Those whose angles do not depend on the length of the row."""
LAYER_KINDS = ("full_attention", "sliding_attention")
NESTED = ("text_config", "text_encoder", "decoder", "generator")
"""Where transformers looks for the decoder's configuration, which these families are themselves."""
HEAD_DIMS = (16, 32, 64, 128, 256)
DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def obstacle(profile: Profile, config: Mapping[str, Any], *, precision: str, best: str) -> str | None:
    """Why the packed engine cannot compute the profile's model with this config.json; None if it can.

    `config` may leave out what its family fills in. `best` is what the device computes itself: "bf16" is a card from
    Ampere on, "fp16" an older one, "fp32" a processor.
    """
    text = decoder_config(config)
    family = text.get("model_type")
    if family not in ACTIVATION_KEYS:
        return f"it does not support the family {family}"
    return _of_settings(profile, precision, best) or _of_attention(family, text) or _of_the_rest(family, text, config)


def _of_settings(profile: Profile, precision: str, best: str) -> str | None:
    model = profile.model
    is_computed_otherwise = model.quantization == "nf4" and model.compute_dtype not in ("auto", DTYPES[precision])
    reasons = (
        (model.quantization == "int8", "8-bit products cannot be reproduced from 16-bit weights"),
        (profile.lora.bias != "none", "lora.bias is trained"),
        (model.attention != "auto", f"model.attention asks for {model.attention}"),
        (is_computed_otherwise, f"model.compute_dtype is {model.compute_dtype}, and it computes in {precision} only"),
        (precision == "fp16", "it does not compute in fp16"),
        (precision == "bf16" and best != "bf16", "it computes in bf16 only on cards that support it"),
    )
    return _first(reasons)


def _of_attention(family: str, text: Mapping[str, Any]) -> str | None:
    odd_kinds = [kind for kind in text.get("layer_types") or () if kind not in LAYER_KINDS]
    window = text.get("sliding_window", 4096)
    cap = text.get("attn_logit_softcapping", 50.0) if family == "gemma2" else None
    is_causal = text.get("is_causal", True) and not text.get("use_bidirectional_attention")
    head_dim = _head_dim(family, text)
    reasons = (
        (not is_causal, "attention is not causal"),
        (bool(text.get("attention_dropout")), "attention has dropout"),
        (bool(odd_kinds), f"it does not support layers of {', '.join(odd_kinds)}"),
        (_slides(family, text) and (window is None or window < 1), f"sliding_window is {window} where layers slide"),
        (cap is not None and cap <= 0, f"attn_logit_softcapping is {cap}"),
        (head_dim not in HEAD_DIMS, f"its kernels do not support heads of {head_dim}"),
    )
    return _first(reasons)


def _of_the_rest(family: str, text: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    activation = text.get(ACTIVATION_KEYS[family]) or ("gelu_pytorch_tanh" if family.startswith("gemma") else "silu")
    rotations = _rotations(text)
    kinds = [*map(_kind, rotations), text.get("default_rope_type") or "default"]
    odd_rotations = [kind for kind in kinds if kind not in ROTATIONS]
    shares = [rotation.get("partial_rotary_factor") for rotation in (text, *rotations)]
    nested = [key for key in NESTED if key in text]
    storage = (config.get("quantization_config") or {}).get("bnb_4bit_quant_storage")
    reasons = (
        (activation not in ACTIVATIONS, f"it does not support the activation {activation}"),
        (bool(odd_rotations), f"it does not support the rotation {', '.join(odd_rotations)}"),
        (any(share not in (None, 1) for share in shares), "a part of each head is not rotated"),
        (text.get("per_layer_config") is not None, "per_layer_config gives layers sizes of their own"),
        (bool(nested), f"it has a model of its own in {', '.join(nested)}"),
        (storage not in (None, "uint8"), f"4-bit weights are stored as {storage}"),
    )
    return _first(reasons)


def _first(reasons: tuple[tuple[bool, str], ...]) -> str | None:
    return next((reason for holds, reason in reasons if holds), None)


def _slides(family: str, text: Mapping[str, Any]) -> bool:
    """Whether transformers makes a mask of the window: Gemma-2 and Gemma-3 always do."""
    return family.startswith("gemma") or (
        family == "qwen2"
        and (bool(text.get("use_sliding_window")) or "sliding_attention" in (text.get("layer_types") or ()))
    )


def _rotations(text: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parameters of the rotary embedding, one for all layers or one per kind of layer; in their old place too."""
    found: list[Mapping[str, Any]] = []
    for stated in (text.get("rope_parameters") or {}, text.get("rope_scaling") or {}):
        by_kind = [value for value in stated.values() if isinstance(value, Mapping)]
        found += by_kind or [stated]
    return found


def _kind(rotation: Mapping[str, Any]) -> str:
    return str(rotation.get("rope_type", rotation.get("type", "default")))


def _head_dim(family: str, text: Mapping[str, Any]) -> int:
    gemma = 256 if family.startswith("gemma") else None
    found = text.get("head_dim") or gemma or text["hidden_size"] // text["num_attention_heads"]
    return int(found)
