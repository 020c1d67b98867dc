"""Loads tokenizer and base model of a checkpoint, the base quantized, its new head not. Knows no adapters."""

from pathlib import Path
from typing import Any

import bitsandbytes
import torch
from transformers import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForSequenceClassification,
    BitsAndBytesConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from core.data.example import LABELS
from core.profile import settings
from core.profile.errors import SettingError

# Names of classification heads across the families. A head is new and trained, so it must stay as it is.
HEADS = ["score", "classifier", "pre_classifier", "pooler", "classification_head"]


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of `folder` for padding and to be saved with the adapter; it pads on the right.

    Of the class that follows tokenizer.json to the letter, as the rest of the engine does: the families' own
    classes build their tokenizer anew, and not always the same. One without a padding token pads with another
    that never ends an input: the classifier reads the last token that is not padding.
    """
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.bos_token or tokenizer.eos_token
    return tokenizer


def load_config(source: str, model: settings.Model, *, max_length: int, pad_token_id: int) -> PretrainedConfig:
    """The checkpoint's configuration as a three-way classifier.

    Raises SettingError where the checkpoint contradicts the profile.
    """
    config = AutoConfig.from_pretrained(source, revision=model.revision)
    longest = getattr(config.get_text_config(), "max_position_embeddings", None)
    if longest is not None and longest < max_length:
        raise SettingError("tokens.max_length", max_length, f"{model.checkpoint} reads at most {longest} tokens")
    stored = getattr(config, "quantization_config", None)
    if stored is not None:
        _check_stored(stored, model)
    config.num_labels = len(LABELS)
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: i for i, label in enumerate(LABELS)}
    config.get_text_config().pad_token_id = pad_token_id
    config.pad_token_id = pad_token_id
    config.get_text_config().use_cache = False
    return config


def load_classifier(
    source: str, config: PretrainedConfig, model: settings.Model, *, dtype: torch.dtype, device: str
) -> PreTrainedModel:
    """The base in the profile's quantization with a new head, every parameter frozen.

    `dtype` is that of all weights which are not quantized. Weights are read from safetensors only, and no
    code of the checkpoint is run. Raises SettingError if any weight but the head's is missing.
    """
    loaded, report = AutoModelForSequenceClassification.from_pretrained(
        source,
        config=config,
        revision=model.revision,
        device_map={"": device},
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
        **_options(config, model, dtype),
    )
    missing = [name for name in report["missing_keys"] if not set(name.split(".")) & set(HEADS)]
    if missing:
        raise SettingError("model.checkpoint", model.checkpoint, f"lacks weights of its own model: {missing[0]}")
    for module in loaded.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            # Else processors with AVX512-BF16 evaluate in bfloat16, whatever the run's precision, with weights that
            # are repacked for it in place: logits came out up to 0.07 away (bitsandbytes 0.50).
            module.support_avx512bf16_for_cpu = False
    return _frozen(loaded)


def lay_out(config: PretrainedConfig, model: settings.Model) -> PreTrainedModel:
    """The same model on the meta device: every shape and no memory."""
    kind = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    options = _options(config, model, torch.bfloat16)
    model_on_meta = kind.from_pretrained(None, config=config, state_dict={}, device_map={"": "meta"}, **options)
    # There are no quantized weights behind these shapes, which peft would ask for their statistics.
    model_on_meta.is_loaded_in_4bit = model_on_meta.is_loaded_in_8bit = False
    return _frozen(model_on_meta)


def keep_residual_in_float32(model: PreTrainedModel) -> None:
    """Make the hidden states that run through the layers float32, for float16 bases.

    Gemma-2's residual stream grows past float16's largest number, 65,504.
    """
    model.get_input_embeddings().register_forward_hook(lambda _module, _inputs, output: output.float())


def _frozen(model: PreTrainedModel) -> PreTrainedModel:
    model.requires_grad_(False)
    return model


def _options(config: PretrainedConfig, model: settings.Model, dtype: torch.dtype) -> dict[str, Any]:
    options: dict[str, Any] = {"dtype": dtype, **_quantization(config, model, dtype)}
    if model.attention != "auto":
        options["attn_implementation"] = model.attention
    elif "sliding_attention" in (getattr(config.get_text_config(), "layer_types", None) or []):
        # Padding longer than the window leaves positions that see nothing at all, and fused kernels answer
        # those with NaN: Gemma-3 with sdpa in bf16 on an H200 (torch 2.11) was lost within 20 steps.
        options["attn_implementation"] = "eager"
    return options


def _quantization(config: PretrainedConfig, model: settings.Model, dtype: torch.dtype) -> dict[str, Any]:
    """The arguments of `from_pretrained` that bring about `model.quantization`, the head left out.

    A checkpoint that is quantized already brings its own configuration, which is amended in place: on
    transformers 5 one whose skip list lacks the head has the head quantized, and fails to initialize it.
    """
    compute_dtype = dtype if model.compute_dtype == "auto" else getattr(torch, model.compute_dtype)
    stored = getattr(config, "quantization_config", None)
    if stored is not None:
        skipped = stored.get("llm_int8_skip_modules") or []
        stored["llm_int8_skip_modules"] = sorted({*skipped, *HEADS})
        stored["bnb_4bit_compute_dtype"] = str(compute_dtype).removeprefix("torch.")
        return {}
    match model.quantization:
        case "nf4":
            chosen = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=model.double_quant,
                bnb_4bit_compute_dtype=compute_dtype,
                llm_int8_skip_modules=HEADS,
            )
        case "int8":
            chosen = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=HEADS)
        case "none":
            return {}
    return {"quantization_config": chosen}


def _check_stored(stored: dict[str, Any], model: settings.Model) -> None:
    nf4 = stored.get("load_in_4bit") and stored.get("bnb_4bit_quant_type") == "nf4"
    held = "nf4" if nf4 else "int8" if stored.get("load_in_8bit") else None
    if held is None:
        method = stored.get("quant_method", "an unknown method")
        raise SettingError(
            "model.checkpoint", model.checkpoint, f"is stored in a form that cannot be trained: {method}"
        )
    if held != model.quantization:
        raise SettingError(
            "model.quantization",
            model.quantization,
            f"{model.checkpoint} is stored as {held}; set it to that, or name the checkpoint it was made from",
        )
