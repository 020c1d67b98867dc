"""Which modules of a classifier are its head, and which the projections of its layers, by any name."""

from msgspec import Struct
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

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
    """Full names of the modules that make up the head: all that stands above the base model, and a pooler inside it.

    They are what a checkpoint of a language model may lack, and so what is trained and saved as a whole.
    """
    base = model.base_model_prefix
    above = [name for name, module in model.named_children() if name != base and any(True for _ in module.parameters())]
    poolers = [name for name, _ in model.named_modules() if name.startswith(f"{base}.") and name.endswith(".pooler")]
    return [*above, *poolers]


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
