"""The shape of a decoder, read from its config.json without transformers. Knows no precision and no batch."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from core.profile import settings
from core.profile.errors import SettingError

# What config.json may leave out, as transformers 5.23 fills it in. Gemma-3's published ones name only what
# differs from this.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "gemma2": {"head_dim": 256},
    "gemma3_text": {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208},
    "llama": {},
    "qwen2": {},
}
_SLIDING = {"gemma2", "gemma3_text"}


class ModelShape(Struct, frozen=True, kw_only=True):
    """Sizes of a decoder-only transformer whose feed-forward part is gated, and how it computes attention."""

    family: Literal["gemma2", "gemma3_text", "llama", "qwen2"]
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    attention: Literal["eager", "fused"]
    """eager writes out every score; fused is any kernel that does not: sdpa, flex, flash."""
    capped: bool
    """Whether scores are soft-capped."""
    slides: bool
    """Whether some layers see a window only, which takes a second mask."""

    @property
    def queries(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_dim

    @property
    def projections(self) -> dict[str, tuple[int, int]]:
        """Input and output width of each projection of a layer, by name."""
        keys = self.kv_heads * self.head_dim
        return {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def norms(self) -> int:
        """Normalizations of the hidden states in a layer: Gemma also has one behind each half."""
        return 4 if self.family.startswith("gemma") else 2

    @property
    def normalized_heads(self) -> int:
        """Heads of queries and keys that are normalized as well, as Gemma-3's are."""
        return self.heads + self.kv_heads if self.family == "gemma3_text" else 0


def decoder_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config.json that describes the decoder of text: all of it, unless the model reads images too."""
    if config.get("model_type") != "gemma3":
        return config
    return {"model_type": "gemma3_text", **(config.get("text_config") or {})}


def read_shape(config: Mapping[str, Any], model: settings.Model) -> ModelShape | None:
    """The shape that a config.json describes; None for a family this module does not know.

    Attention is what core.model.load would choose: eager where scores are capped or windows slide. Raises
    SettingError where the file lacks a size that its family always states.
    """
    text = decoder_config(config)
    family = text.get("model_type")
    if family not in _DEFAULTS:
        return None
    sizes = {**_DEFAULTS[family], **{key: value for key, value in text.items() if value is not None}}
    needed = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    if missing := [key for key in needed if key not in sizes]:
        raise SettingError("model.checkpoint", model.checkpoint, f"its config.json has no {missing[0]}")
    heads = sizes["num_attention_heads"]
    slides = family in _SLIDING or bool(sizes.get("use_sliding_window"))
    capped = family == "gemma2" and text.get("attn_logit_softcapping", 50.0) is not None
    is_eager = model.attention == "eager" or (model.attention == "auto" and (slides or capped))
    return ModelShape(
        family=family,
        hidden=sizes["hidden_size"],
        intermediate=sizes["intermediate_size"],
        layers=sizes["num_hidden_layers"],
        heads=heads,
        kv_heads=sizes.get("num_key_value_heads", heads),
        head_dim=sizes.get("head_dim", sizes["hidden_size"] // heads),
        vocabulary=sizes["vocab_size"],
        attention="eager" if is_eager else "fused",
        capped=capped,
        slides=slides,
    )
