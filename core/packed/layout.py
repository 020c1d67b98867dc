"""How the packed engine spends memory for speed, and for which models it is. Imports nothing heavy."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from core.profile.settings import Profile

Checkpointing = Literal["none", "selective", "full"]
"""What the backward pass recomputes of the trained layers: nothing, gate and up projection, or all."""

FAMILIES = ("gemma2", "gemma3_text", "llama", "qwen2")
ACTIVATIONS = ("gelu_pytorch_tanh", "silu")
ROTATIONS = ("default", "linear", "llama3")
"""Those whose angles do not depend on the length of the row."""
HEAD_DIMS = (16, 32, 64, 128, 256)


class Layout(Struct, frozen=True, kw_only=True):
    """`examples` are packed into a row; a step takes as many rows as its global batch needs."""

    keeps_weights: bool
    """Whether 4-bit weights are held in 16 bit besides, instead of being dequantized each time."""
    checkpointing: Checkpointing
    examples: int
    embeds_on_host: bool = False
    """Whether the embedding lies in the host's memory; the card reads the few rows that a step needs from there."""

    def __str__(self) -> str:
        weights = "weights kept in 16 bit" if self.keeps_weights else "weights dequantized as they are needed"
        embedding = ", embedding on the host" if self.embeds_on_host else ""
        return f"{weights}{embedding}, {self.checkpointing} checkpointing, rows of {self.examples}"


def layouts(profile: Profile) -> Iterator[Layout]:
    """All layouts for the profile, the fastest first, the smallest last."""
    least = Layout(
        keeps_weights=False, checkpointing="full", examples=profile.train.per_device_batch_size, embeds_on_host=True
    )
    if profile.train.memory == "small":
        yield least
        return
    whole = profile.global_batch
    for checkpointing in ("none", "selective", "full"):
        if profile.model.quantization == "nf4":
            yield Layout(keeps_weights=True, checkpointing=checkpointing, examples=whole)
        yield Layout(keeps_weights=False, checkpointing=checkpointing, examples=whole)
    for examples in range(whole, 0, -1):
        if whole % examples == 0:
            yield replace(least, examples=examples)


def obstacle(profile: Profile, config: Mapping[str, Any], *, precision: str, is_on_card: bool) -> str | None:
    """Why the packed engine cannot train the profile on a model with this config.json; None if it can.

    A card must compute bfloat16 itself, as NVIDIA's do from Ampere on; a processor computes in float32.
    """
    text = {**config, **config.get("text_config", {})}
    family = text.get("model_type")
    reasons = (
        (family not in FAMILIES, f"it does not know the family {family}"),
        (profile.model.quantization == "int8", "8-bit products are not those of any 16-bit weights"),
        (profile.lora.bias != "none", "lora.bias is trained"),
        (profile.model.attention != "auto", f"model.attention asks for {profile.model.attention}"),
        (precision == "fp16", "it does not compute in fp16"),
        (precision == "bf16" and not is_on_card, "it computes in bf16 on a card only"),
        (_activation(text) not in ACTIVATIONS, f"it does not know the activation {_activation(text)}"),
        (not set(_rotations(text)) <= set(ROTATIONS), f"it does not know the rotation {', '.join(_rotations(text))}"),
        (bool(text.get("use_bidirectional_attention")), "attention is not causal"),
        (bool(text.get("attention_dropout")), "attention has dropout"),
        (_head_dim(text) not in HEAD_DIMS, f"its kernels have no heads of {_head_dim(text)}"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _activation(text: Mapping[str, Any]) -> str:
    """As the families' own configurations fill it in."""
    gelu = "gelu_pytorch_tanh" if str(text.get("model_type")).startswith("gemma") else "silu"
    return str(text.get("hidden_activation") or text.get("hidden_act") or gelu)


def _rotations(text: Mapping[str, Any]) -> list[str]:
    """The kinds of rotary embedding that the configuration names, one or one per kind of layer."""
    stated = text.get("rope_parameters") or text.get("rope_scaling") or {}
    kinds = [stated] if not any(isinstance(value, Mapping) for value in stated.values()) else stated.values()
    return [str(kind.get("rope_type", kind.get("type", "default"))) for kind in kinds if kind is not None]


def _head_dim(text: Mapping[str, Any]) -> int:
    gemma = 256 if str(text.get("model_type")).startswith("gemma") else None
    found = text.get("head_dim") or gemma or text["hidden_size"] // text["num_attention_heads"]
    return int(found)
