"""Which projections of a model get an adapter, by the names that its family gives them. Imports nothing heavy."""

from collections.abc import Collection

from core.profile import settings
from core.profile.errors import SettingError

ATTENTION_INPUTS = (
    ("q_proj", "k_proj", "v_proj", "kv_a_proj_with_mqa", "kv_b_proj"),
    ("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj"),
    ("qkv_proj",),
    ("query_key_value",),
    ("Wqkv",),
    ("query_proj", "key_proj", "value_proj"),
    ("query", "key", "value"),
    ("q_lin", "k_lin", "v_lin"),
    ("c_attn",),
    ("in_proj",),
)
"""What the families call the projections that make queries, keys and values. A model has a list's if it has the first
of it; not all need be there, as where layers share their keys and values."""
RECIPE_SHARE = 16 / 42
"""Of the layers, those that the recipe leaves without adapters."""


def target_kinds(lora: settings.Lora, kinds: Collection[str]) -> list[str]:
    """Those of a model's projections, all of which `kinds` names, that `lora.target_modules` means.

    Raises SettingError, which lists them, where it means one that is not there or, as auto, none that is known.
    """
    wanted = lora.target_modules
    if wanted == "all-linear":
        return list(kinds)
    there = ", ".join(kinds)
    if wanted == "auto":
        for family in ATTENTION_INPUTS:
            if family[0] in kinds:
                return [kind for kind in family if kind in kinds]
        why = f"which projections make its queries, keys and values is not known; name some of {there}"
        raise SettingError("lora.target_modules", wanted, why)
    if unknown := [kind for kind in wanted if kind not in kinds]:
        raise SettingError("lora.target_modules", unknown[0], f"the model has no such projection; it has {there}")
    return list(wanted)


def demand_layers(lora: settings.Lora, layers: int) -> None:
    """Raises SettingError, with what would do, where `lora.freeze_layers` leaves none of so many layers."""
    if lora.freeze_layers >= layers:
        share = round(layers * RECIPE_SHARE)
        raise SettingError(
            "lora.freeze_layers",
            lora.freeze_layers,
            f"the model has {layers} layers; none is left. 0 adapts all of them, {share} leaves out the recipe's share",
        )
