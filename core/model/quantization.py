"""How the base is held in memory: what `model.quantization` asks of bitsandbytes, and whether that came about."""

from collections.abc import Sequence
from typing import Any

import bitsandbytes
import torch
from transformers import BitsAndBytesConfig, PretrainedConfig, PreTrainedModel

from core.model.lora import text_part
from core.profile import settings
from core.profile.errors import SettingError

QUANTIZED = (bitsandbytes.nn.Linear4bit, bitsandbytes.nn.Linear8bitLt)


def quantization_options(
    config: PretrainedConfig, model: settings.Model, dtype: torch.dtype, head: Sequence[str]
) -> dict[str, Any]:
    """The arguments of `from_pretrained` that bring about `model.quantization`, the modules of the `head` left out.

    A checkpoint that is quantized already brings its own configuration, which is amended in place: on
    transformers 5 one whose skip list lacks the head has the head quantized, and fails to initialize it.
    """
    compute_dtype = dtype if model.compute_dtype == "auto" else getattr(torch, model.compute_dtype)
    stored = getattr(config, "quantization_config", None)
    if stored is not None:
        skipped = stored.get("llm_int8_skip_modules") or []
        stored["llm_int8_skip_modules"] = sorted({*skipped, *head})
        stored["bnb_4bit_compute_dtype"] = str(compute_dtype).removeprefix("torch.")
        return {}
    match model.quantization:
        case "nf4":
            chosen = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=model.double_quant,
                bnb_4bit_compute_dtype=compute_dtype,
                llm_int8_skip_modules=[*head],
            )
        case "int8":
            chosen = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=[*head])
        case "none":
            return {}
    return {"quantization_config": chosen}


def check_stored(stored: dict[str, Any], model: settings.Model) -> None:
    """Raises SettingError where a checkpoint is quantized otherwise than the profile asks, or cannot be trained."""
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


def demand_quantized(loaded: PreTrainedModel, model: settings.Model) -> None:
    """Raises SettingError where a matrix of a layer was left as it was.

    transformers replaces plain linear modules alone and says nothing of others: Falcon's own, stacked experts.
    """
    inside = f"{text_part(loaded)}."
    for name, module in loaded.named_modules():
        is_in_layer = name.startswith(inside) and any(part.isdigit() for part in name.split("."))
        if not is_in_layer or isinstance(module, QUANTIZED):
            continue
        for key, parameter in module.named_parameters(recurse=False):
            if parameter.dim() > 1:
                raise SettingError(
                    "model.quantization",
                    model.quantization,
                    f"{loaded.config.model_type} cannot be quantized this way: {name}.{key} would stay unquantized; "
                    "none keeps the model in 16 bit",
                )
