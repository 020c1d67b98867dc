"""The class of a base with a classifier's head: transformers' own, or one of ours for a family that has none."""

import re

from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_MAPPING,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_layers import GenericForSequenceClassification

from core.model.checkpoint import TEXT_PART


def in_text_part(name: str) -> str:
    """The name in the text model by itself of a module of a checkpoint that reads more."""
    for pattern, inside in TEXT_PART.items():
        name = re.sub(pattern, inside, name)
    return name


def has_class(config: PretrainedConfig) -> bool:
    """Whether transformers classifies texts with a whole checkpoint of this configuration."""
    return type(config) in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING


def classifiable(config: PretrainedConfig) -> PretrainedConfig | None:
    """The configuration of what is made a classifier: all of the checkpoint, or of one that reads images as well and
    has no class of its own its text model alone. None where neither can be one."""
    text = config.get_text_config()
    if has_class(config):
        return config
    is_language_model = text is not config or type(text) in MODEL_FOR_CAUSAL_LM_MAPPING
    # Mamba and its like answer without what the generic classifier passes on of attention.
    has_attention = "num_attention_heads" in {**text.attribute_map, **text.to_dict()}
    is_ours = is_language_model and has_attention and type(text) in MODEL_MAPPING
    return text if has_class(text) or is_ours else None


def classifier_class(config: PretrainedConfig) -> type[PreTrainedModel]:
    """The class for what `classifiable` has answered.

    Where transformers has none, ours is what it has for most families: a linear layer, `score`, over the last token
    that is not padding, beside the family's own base model.
    """
    if has_class(config):
        known: type[PreTrainedModel] = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
        return known
    family: type[PreTrainedModel] = MODEL_MAPPING[type(config)].__bases__[0]
    prefix = {"base_model_prefix": family.base_model_prefix or "model"}
    return type("LastTokenClassifier", (GenericForSequenceClassification, family), prefix)
