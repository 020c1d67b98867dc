"""Puts LoRA adapters on a frozen base, and makes its head trainable."""

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import PreTrainedModel

from core.profile import settings
from core.profile.errors import SettingError


def add_adapters(base: PreTrainedModel, lora: settings.Lora) -> PeftModel:
    """`base` with adapters on the chosen projections of its layers from `lora.freeze_layers` on.

    Adapters and head are trainable, in float32 whatever the base is in: gradients of float16 parameters
    cannot be unscaled. Raises SettingError where the profile names what the base does not have.
    """
    layers = base.config.get_text_config().num_hidden_layers
    if lora.freeze_layers >= layers:
        raise SettingError("lora.freeze_layers", lora.freeze_layers, f"the model has {layers} layers; none is left")
    names = linear_names(base)
    chosen = names if lora.target_modules == "all-linear" else list(lora.target_modules)
    if unknown := [name for name in chosen if name not in names]:
        raise SettingError(
            "lora.target_modules", unknown[0], f"the model has no such projection; it has {', '.join(names)}"
        )
    model = get_peft_model(
        base,
        LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=lora.r,
            lora_alpha=lora.alpha,  # type: ignore[arg-type,unused-ignore]
            lora_dropout=lora.dropout,
            bias=lora.bias,
            target_modules=chosen,
            layers_to_transform=list(range(lora.freeze_layers, layers)) if lora.freeze_layers else None,
        ),
    )
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype is not torch.float32:
            parameter.data = parameter.data.float()
    return model


def linear_names(base: PreTrainedModel) -> list[str]:
    """Names of the projections inside the repeated layers, such as q_proj; the head is not among them."""
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in base.named_modules()
            if isinstance(module, torch.nn.Linear) and any(part.isdigit() for part in name.split("."))
        }
    )


def checkpoint_activations(model: PeftModel) -> None:
    """Recompute the activations of trained layers in the backward pass.

    transformers also makes the embeddings require gradients here, for re-entrant checkpoints; without
    that the backward pass ends at the first adapter instead of running through every frozen layer.
    """
    base = model.get_base_model()
    base.activation_checkpointing_enable({"use_reentrant": False})
    base.disable_input_require_grads()


def parameter_counts(model: torch.nn.Module) -> tuple[int, int]:
    """Trainable and total parameters; a packed 4-bit weight counts as the weights it holds."""
    trainable = total = 0
    for parameter in model.parameters():
        shape = getattr(getattr(parameter, "quant_state", None), "shape", parameter.shape)
        count = torch.Size(shape).numel()
        total += count
        trainable += count if parameter.requires_grad else 0
    return trainable, total
