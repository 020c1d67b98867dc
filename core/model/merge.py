"""Merges base, adapter and head into plain 16-bit weights. Knows no file."""

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from peft.utils import ModulesToSaveWrapper
from peft.utils.integrations import dequantize_module_weight
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from core.model.classifier import classifier_class
from core.model.quantization import QUANTIZED


def merged(model: PeftModel, dtype: torch.dtype) -> PreTrainedModel:
    """A plain classifier in `dtype` that computes what `model` does but for rounding.

    The base's quantized weights are taken for what they stand for, since the adapter was trained upon these; sums
    are formed in float32 and rounded once. `model` stays as it is: both must fit in memory.
    """
    base = model.get_base_model()
    config = base.config.__class__.from_dict(base.config.to_dict())
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    kind = classifier_class(config)
    with torch.device("meta"):
        # GPT-2's modules hold (inputs, outputs), bitsandbytes' in their place (outputs, inputs).
        transposed = {name for name, module in kind(config).named_modules() if isinstance(module, Conv1D)}
    weights: dict[str, torch.Tensor] = {}
    inside: list[str] = []
    """Names of modules that stand for one weight, and whose own parameters are not to be listed again."""
    for name, module in base.named_modules():
        if any(name.startswith(f"{outer}.") for outer in inside):
            continue
        if isinstance(module, LoraLayer):
            inside.append(name)
            plain = module.get_base_layer()
            weight = _plain(plain)
            for adapter in module.active_adapters:
                weight += module.get_delta_weight(adapter).detach().float().to(weight.device)
            turns = name in transposed and isinstance(plain, QUANTIZED)
            weights[f"{name}.weight"] = (weight.T if turns else weight).to(dtype)
            _add_bias(weights, name, plain, dtype)
        elif isinstance(module, ModulesToSaveWrapper):
            inside.append(name)
            head = module.modules_to_save[module.active_adapters[0]]
            weights |= {f"{name}.{key}": value.to(dtype) for key, value in head.state_dict().items()}
        elif isinstance(module, QUANTIZED):
            inside.append(name)
            weight = _plain(module)
            weights[f"{name}.weight"] = (weight.T if name in transposed else weight).to(dtype)
            _add_bias(weights, name, module, dtype)
        else:
            for key, value in [*module.named_parameters(recurse=False), *_kept_buffers(module)]:
                weights[f"{name}.{key}" if name else key] = (
                    value.detach().to(dtype) if value.is_floating_point() else value
                )
    place = str(base.device)
    made, report = kind.from_pretrained(
        None,
        config=config,
        state_dict=weights,
        dtype=dtype,
        device_map={"": place},
        attn_implementation=base.config._attn_implementation,
        output_loading_info=True,
    )
    assert not report["missing_keys"], report["missing_keys"]
    return made


def _plain(module: torch.nn.Module) -> torch.Tensor:
    """The weight of a linear layer in float32, new memory."""
    weight: torch.Tensor = dequantize_module_weight(module)
    return weight.detach().to(torch.float32, copy=True)


def _add_bias(weights: dict[str, torch.Tensor], name: str, module: torch.nn.Module, dtype: torch.dtype) -> None:
    if getattr(module, "bias", None) is not None:
        weights[f"{name}.bias"] = module.bias.detach().to(dtype)


def _kept_buffers(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    kept = module.state_dict(keep_vars=True)
    return [(key, value) for key, value in module.named_buffers(recurse=False) if key in kept]
