"""Which models the packed engine computes as transformers does. Imports nothing heavy.

It stands for the configurations of its families in transformers 5.24: a key that changes what they compute is
read by core.packed.engine in the same way, or has a rule here. test_gate.py varies every one of them.
"""

from collections.abc import Mapping
from typing import Any

from core.model.shape import decoder_config, filled_in, head_dim
from core.profile.settings import Profile

ACTIVATION_KEYS = {
    "gemma2": "hidden_activation",
    "gemma3_text": "hidden_activation",
    "llama": "hidden_act",
    "mistral": "hidden_act",
    "phi3": "hidden_act",
    "qwen2": "hidden_act",
    "qwen3": "hidden_act",
}
"""The families, and the key that names the activation in each."""
ACTIVATIONS = ("gelu_pytorch_tanh", "silu")
ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Those whose angles do not depend on the length of the row."""
LONG_ROPE = ("longrope", "yarn")
"""What Phi-3 calls the one that it has beside the default. Its angles are others for all rows of a batch whose longest
is longer than `original_max_position_embeddings`."""
LAYER_KINDS = ("full_attention", "sliding_attention")
NESTED = ("text_config", "text_encoder", "decoder", "generator")
"""Where transformers looks for the decoder's configuration, which these families are themselves."""
HEAD_DIMS = (16, 32, 64, 96, 128, 256)
DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def obstacle(profile: Profile, config: Mapping[str, Any], *, precision: str, best: str) -> str | None:
    """Why the packed engine cannot compute the profile's model with this config.json; None if it can.

    `config` may leave out what its family fills in. `best` is what the device computes itself: "bf16" is a card from
    Ampere on, "fp16" an older one, "fp32" a processor.
    """
    text = decoder_config(config)
    sizes = filled_in(text)
    if sizes is None or sizes["model_type"] not in ACTIVATION_KEYS:
        return f"it does not support the family {text.get('model_type')}"
    return (
        _of_settings(profile, precision, best)
        or _of_attention(sizes)
        or _of_rotation(sizes, profile.tokens.max_length)
        or _of_the_rest(sizes, config)
    )


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


def _of_attention(text: Mapping[str, Any]) -> str | None:
    odd_kinds = [kind for kind in text.get("layer_types") or () if kind not in LAYER_KINDS]
    window = text.get("sliding_window")
    cap = text.get("attn_logit_softcapping") if text["model_type"] == "gemma2" else None
    is_causal = text.get("is_causal", True) and not text.get("use_bidirectional_attention")
    width = head_dim(text)
    reasons = (
        (not is_causal, "attention is not causal"),
        (bool(text.get("attention_dropout")), "attention has dropout"),
        (bool(odd_kinds), f"it does not support layers of {', '.join(odd_kinds)}"),
        (_slides(text) and (window is None or window < 1), f"sliding_window is {window} where layers slide"),
        (cap is not None and cap <= 0, f"attn_logit_softcapping is {cap}"),
        (width not in HEAD_DIMS, f"its kernels do not support heads of {width}"),
    )
    return _first(reasons)


def _of_rotation(text: Mapping[str, Any], max_length: int) -> str | None:
    is_phi = text["model_type"] == "phi3"
    rotations = _rotations(text)
    kinds = [*map(_kind, rotations), text.get("default_rope_type") or "default"]
    known = ("default", *LONG_ROPE) if is_phi else ROTATIONS
    odd = [kind for kind in kinds if kind not in known]
    shares = [share for one in (text, *rotations) if (share := one.get("partial_rotary_factor")) is not None]
    is_long = is_phi and not set(kinds).isdisjoint(LONG_ROPE)
    short = text["original_max_position_embeddings"] if is_long else max_length
    reasons = (
        (bool(odd), f"it does not support the rotation {', '.join(odd)}"),
        (any(share != 1 for share in shares) and not is_phi, "a part of each head is not rotated"),
        (any(not 0 < share <= 1 for share in shares), f"partial_rotary_factor is {min(shares, default=1)}"),
        (
            short < max_length,
            f"rows of more than {short:,} tokens are rotated otherwise, and with them all of their batch",
        ),
    )
    return _first(reasons)


def _of_the_rest(text: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    family = text["model_type"]
    activation = text.get(ACTIVATION_KEYS[family]) or ("gelu_pytorch_tanh" if family.startswith("gemma") else "silu")
    nested = [key for key in NESTED if key in text]
    storage = (config.get("quantization_config") or {}).get("bnb_4bit_quant_storage")
    reasons = (
        (activation not in ACTIVATIONS, f"it does not support the activation {activation}"),
        (bool(text.get("resid_pdrop")), "what a layer adds has dropout"),
        (text.get("per_layer_config") is not None, "per_layer_config gives layers sizes of their own"),
        (bool(nested), f"it has a model of its own in {', '.join(nested)}"),
        (storage not in (None, "uint8"), f"4-bit weights are stored as {storage}"),
    )
    return _first(reasons)


def _first(reasons: tuple[tuple[bool, str], ...]) -> str | None:
    return next((reason for holds, reason in reasons if holds), None)


def _slides(text: Mapping[str, Any]) -> bool:
    """Whether transformers makes a mask of the window: Gemma always does, Mistral and Phi-3 where there is one."""
    match text["model_type"]:
        case "gemma2" | "gemma3_text":
            return True
        case "mistral" | "phi3":
            return text.get("sliding_window") is not None
        case "qwen2" | "qwen3":
            return bool(text.get("use_sliding_window")) or "sliding_attention" in (text.get("layer_types") or ())
        case _:
            return False


def _rotations(text: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parameters of the rotary embedding, one for all layers or one per kind of layer; in their old place too."""
    found: list[Mapping[str, Any]] = []
    for stated in (text.get("rope_parameters") or {}, text.get("rope_scaling") or {}):
        by_kind = [value for value in stated.values() if isinstance(value, Mapping)]
        found += by_kind or [stated]
    return found


def _kind(rotation: Mapping[str, Any]) -> str:
    return str(rotation.get("rope_type", rotation.get("type", "default")))
