"""Puts LoRA adapters on the projections of a frozen base, and makes its head trainable."""

from types import MethodType
from typing import Any

import torch
from msgspec import Struct
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from core.model.dropout import drop_by_example
from core.model.targets import demand_layers, target_kinds
from core.profile import settings
from core.profile.errors import SettingError


class Projection(Struct, frozen=True):
    """A linear module inside a repeated layer. `layer` is counted from 0."""

    name: str
    """Its full name in the model, such as model.layers.3.self_attn.q_proj."""
    module: nn.Module
    layer: int

    @property
    def kind(self) -> str:
        """The name it shares with its counterparts in other layers, such as q_proj."""
        return self.name.rpartition(".")[2]


def head_names(model: PreTrainedModel) -> list[str]:
    """Full names of the modules that make up the head: a pooler inside the base model, and all that stands above it,
    with that which answers at the end.

    They are what a checkpoint of a language model may lack, and so what is trained and saved as a whole.
    """
    base = model.base_model_prefix
    above = [name for name, module in model.named_children() if name != base and any(True for _ in module.parameters())]
    poolers = [name for name, _ in model.named_modules() if name.startswith(f"{base}.") and name.endswith(".pooler")]
    return [*poolers, *above]


def text_part(model: PreTrainedModel) -> str:
    """Full name of the part that reads text: the base model, or of one that reads images as well its language model.

    Raises SettingError where a model of several parts has none of that name.
    """
    base: str = model.base_model_prefix
    if model.config.get_text_config() is model.config:
        return base
    if not hasattr(model.base_model, "language_model"):
        kind = model.config.model_type
        raise SettingError("model.checkpoint", kind, "reads more than text, and which part reads text is not known")
    return f"{base}.language_model"


def projections(model: PreTrainedModel) -> list[Projection]:
    """All linear modules inside the repeated layers of the part that reads text; those of a head are not among them."""
    inside = f"{text_part(model)}."
    found = []
    for name, module in model.named_modules():
        numbers = [part for part in name.removeprefix(inside).split(".") if part.isdigit()]
        if name.startswith(inside) and numbers and isinstance(module, nn.Linear | Conv1D):
            found.append(Projection(name, module, int(numbers[0])))
    return found


def add_adapters(base: PreTrainedModel, lora: settings.Lora) -> PeftModel:
    """`base` with adapters on the chosen projections of its layers from `lora.freeze_layers` on.

    Adapters and head are trainable, in float32 whatever the base is in: gradients of float16 parameters
    cannot be unscaled. The head computes in float32 as well, under autocast too. Raises SettingError where the
    profile names what the base does not have.
    """
    chosen = _chosen(base, lora)
    head = head_names(base)
    model = get_peft_model(
        base,
        LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=lora.r,
            lora_alpha=lora.alpha,  # type: ignore[arg-type,unused-ignore]
            lora_dropout=lora.dropout,
            bias=lora.bias,
            target_modules=sorted({projection.kind for projection in chosen}),
            layers_to_transform=sorted({one.layer for one in chosen}) if lora.freeze_layers else None,
            exclude_modules=_other_parts(base),
            modules_to_save=[*head],  # a copy: PEFT adds names of its own
            fan_in_fan_out=any(isinstance(one.module, Conv1D) for one in chosen),  # which holds its weight transposed
        ),
    )
    adapted = {name for name, module in base.named_modules() if isinstance(module, LoraLayer)}
    if adapted != {one.name for one in chosen}:
        odd = min(adapted ^ {one.name for one in chosen})
        raise SettingError(
            "lora.target_modules", lora.target_modules, f"cannot be told apart from other modules: {odd}"
        )
    drop_by_example(base)
    for name, parameter in model.named_parameters():
        if ".original_module." in name:  # the head as it was loaded, which with lora.bias = "all" PEFT would train too
            parameter.requires_grad = False
        elif parameter.requires_grad and parameter.dtype is not torch.float32:
            parameter.data = parameter.data.float()
    for name in head:
        _compute_in_float32(base.get_submodule(name))
    return model


def projection_kinds(base: PreTrainedModel) -> list[str]:
    """Names of the projections inside the repeated layers, such as q_proj; the head is not among them."""
    return sorted({projection.kind for projection in projections(base)})


def adapters(model: PeftModel) -> list[str]:
    """Names of the projections that have an adapter, without those of the modules that they are in; one for each."""
    return [name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, LoraLayer)]


def _chosen(base: PreTrainedModel, lora: settings.Lora) -> list[Projection]:
    """The projections that get an adapter."""
    demand_layers(lora, base.config.get_text_config().num_hidden_layers)
    wanted = target_kinds(lora, projection_kinds(base))
    chosen = [one for one in projections(base) if one.kind in wanted and one.layer >= lora.freeze_layers]
    if not chosen:
        raise SettingError(
            "lora.freeze_layers",
            lora.freeze_layers,
            "no projection is left: the layers of this model share their weights",
        )
    return chosen


def _other_parts(base: PreTrainedModel) -> str | None:
    """A pattern for PEFT of the parts of the base that read no text: an image encoder has a q_proj as well."""
    whole, part = base.base_model_prefix, text_part(base)
    return None if part == whole else rf"{whole}\.(?!{part.removeprefix(f'{whole}.')}\.).*"


def _compute_in_float32(module: torch.nn.Module) -> None:
    """Keep autocast away from `module`: the recipe's logits are float32, and bfloat16 has no more than 3 digits."""
    module.forward = MethodType(_forward_in_float32, module)  # a method, which a deep copy binds to the copy


def _forward_in_float32(module: torch.nn.Module, *inputs: Any, **named: Any) -> Any:
    floats = [x.float() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in inputs]
    device = next(x.device.type for x in inputs if isinstance(x, torch.Tensor))
    with torch.autocast(device, enabled=False):
        return type(module).forward(module, *floats, **named)


def checkpoint_activations(model: PeftModel) -> None:
    """Recompute the activations of trained layers in the backward pass.

    transformers also makes the embeddings require gradients here, for re-entrant checkpoints; without
    that the backward pass ends at the first adapter instead of running through every frozen layer. Raises SettingError
    for a family that cannot.
    """
    base = model.get_base_model()
    if not base.supports_gradient_checkpointing:
        kind = base.config.model_type
        raise SettingError(
            "train.gradient_checkpointing", True, f"{kind} cannot recompute activations; set this to false"
        )
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
