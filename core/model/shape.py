"""The shape of a decoder, read from its config.json without transformers. Knows no precision and no batch."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from core.profile import settings
from core.profile.errors import SettingError

Family = Literal["gemma2", "gemma3_text", "llama", "mistral", "phi3", "qwen2", "qwen3"]

# What config.json may leave out, as transformers 5.24 fills it in. Gemma-3's published ones name only what
# differs from this.
_DEFAULTS: dict[Family, dict[str, Any]] = {
    "gemma2": {"num_key_value_heads": 4, "head_dim": 256, "sliding_window": 4096},
    "gemma3_text": {
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208,
        "sliding_window": 4096,
    },
    "llama": {},
    "mistral": {"num_key_value_heads": 8, "max_position_embeddings": 131_072, "sliding_window": 4096},
    "phi3": {"max_position_embeddings": 4096, "original_max_position_embeddings": 4096},
    "qwen2": {"num_key_value_heads": 32, "sliding_window": 4096, "max_window_layers": 28},
    "qwen3": {"num_key_value_heads": 32, "head_dim": 128, "sliding_window": 4096, "max_window_layers": 28},
}  # fmt: skip


_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
_OF_CLASS: dict[Family, tuple[int, ...]] = {
    "gemma2": (2304, 9216, 26, 8, 256_000),
    "gemma3_text": (2304, 9216, 26, 8, 262_208),
    "llama": (4096, 11_008, 32, 32, 32_000),
    "mistral": (4096, 14_336, 32, 32, 32_000),
    "phi3": (3072, 8192, 32, 32, 32_064),
    "qwen2": (4096, 22_016, 32, 32, 151_936),
    "qwen3": (4096, 22_016, 32, 32, 151_936),
}
"""The same of sizes, which only the text model of a checkpoint that reads images too leaves out, as LLaVA's do."""
_SIGLIP = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "image_size": 224, "patch_size": 16,
}  # fmt: skip
"""The same of the part of Gemma-3 that reads images."""


class ModelShape(Struct, frozen=True, kw_only=True):
    """Sizes of a decoder-only transformer whose feed-forward part is gated, and how it computes attention."""

    family: Family
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
    images: int
    """Weights of a part that reads images, which computes nothing here and lies in memory all the same."""

    @property
    def queries(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_dim

    @property
    def projections(self) -> dict[str, tuple[int, int]]:
        """Input and output width of each projection of a layer, by name."""
        keys = self.kv_heads * self.head_dim
        if self.family == "phi3":  # which holds as one matrix what is multiplied by the same input
            first = {"qkv_proj": (self.hidden, self.queries + 2 * keys)}
            gate_up = {"gate_up_proj": (self.hidden, 2 * self.intermediate)}
        else:
            first = {
                "q_proj": (self.hidden, self.queries),
                "k_proj": (self.hidden, keys),
                "v_proj": (self.hidden, keys),
            }
            gate_up = {"gate_proj": (self.hidden, self.intermediate), "up_proj": (self.hidden, self.intermediate)}
        o, down = (self.queries, self.hidden), (self.intermediate, self.hidden)
        return {**first, "o_proj": o, **gate_up, "down_proj": down}

    @property
    def norms(self) -> int:
        """Normalizations of the hidden states in a layer: Gemma also has one behind each half."""
        return 4 if self.family.startswith("gemma") else 2

    @property
    def normalized_heads(self) -> int:
        """Heads of queries and keys that are normalized as well, as Gemma-3's and Qwen-3's are."""
        return self.heads + self.kv_heads if self.family in ("gemma3_text", "qwen3") else 0


def decoder_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config.json that describes the decoder of text: all of it, unless the model reads images too."""
    text = config.get("text_config") or {}
    family = text.get("model_type", "gemma3_text" if config.get("model_type") == "gemma3" else None)
    if family not in _OF_CLASS:
        return config
    return {"model_type": family, **dict(zip(_SIZES, _OF_CLASS[family], strict=True)), **text}


def filled_in(text: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a decoder's config.json says, and what its family fills in; None for a family this module does not know."""
    family = text.get("model_type")
    return {**_DEFAULTS[family], **text} if family in _DEFAULTS else None


def head_dim(sizes: Mapping[str, Any]) -> int:
    """Width of a head, of what `filled_in` gives."""
    return int(sizes.get("head_dim") or sizes["hidden_size"] // sizes["num_attention_heads"])


def read_shape(config: Mapping[str, Any], model: settings.Model) -> ModelShape | None:
    """The shape that a config.json describes; None for a family this module does not know.

    Attention is what core.model.load would choose: eager where scores are capped or windows slide. Raises
    SettingError where the file lacks a size that its family always states.
    """
    sizes = filled_in(decoder_config(config))
    if sizes is None:
        return None
    if missing := [key for key in _SIZES if sizes.get(key) is None]:
        raise SettingError("model.checkpoint", model.checkpoint, f"its config.json has no {missing[0]}")
    family, heads = sizes["model_type"], sizes["num_attention_heads"]
    slides = _slides(sizes)
    capped = family == "gemma2" and sizes.get("attn_logit_softcapping", 50.0) is not None
    is_eager = model.attention == "eager" or (model.attention == "auto" and (slides or capped))
    return ModelShape(
        family=family,
        hidden=sizes["hidden_size"],
        intermediate=sizes["intermediate_size"],
        layers=sizes["num_hidden_layers"],
        heads=heads,
        kv_heads=sizes.get("num_key_value_heads") or heads,
        head_dim=head_dim(sizes),
        vocabulary=sizes["vocab_size"],
        attention="eager" if is_eager else "fused",
        capped=capped,
        slides=slides,
        images=_image_weights(config, sizes["hidden_size"]),
    )


def _image_weights(config: Mapping[str, Any], hidden: int) -> int:
    """Of Gemma-3's SigLIP, and of the matrix behind it; transformers makes a classifier of the whole model there."""
    if config.get("model_type") != "gemma3" or not config.get("vision_config"):
        return 0
    images = {**_SIGLIP, **config["vision_config"]}
    width, patch = images["hidden_size"], images["patch_size"]
    layer = 4 * width * width + 2 * width * images["intermediate_size"]
    inputs = 3 * patch * patch + (images["image_size"] // patch) ** 2
    return int(images["num_hidden_layers"] * layer + width * (inputs + hidden))


def _slides(sizes: Mapping[str, Any]) -> bool:
    match sizes["model_type"]:
        case "gemma2" | "gemma3_text":
            return True
        case "mistral" | "phi3":  # whose windows may be longer than all that they read
            window = sizes.get("sliding_window")
            return window is not None and window < sizes["max_position_embeddings"]
        case "qwen2" | "qwen3" if sizes.get("layer_types") is not None:
            return "sliding_attention" in sizes["layer_types"]
        case "qwen2" | "qwen3":  # whose first layers, as many as that, have none
            return bool(sizes.get("use_sliding_window")) and sizes["max_window_layers"] < sizes["num_hidden_layers"]
        case _:
            return False
