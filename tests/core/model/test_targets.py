"""Which projections get an adapter where the profile leaves it to the model, and which layers can be left out."""

from pathlib import Path

import families
import pytest
from transformers import AutoConfig

from core.model.classifier import classifiable
from core.model.load import lay_out
from core.model.lora import adapters, add_adapters, projection_kinds
from core.model.targets import demand_layers, target_kinds
from core.profile.errors import SettingError
from core.profile.settings import Lora, Model

QKV = ["q_proj", "k_proj", "v_proj"]
AUTO = {
    "bert": ["query", "key", "value"], "deberta-v2": ["query_proj", "key_proj", "value_proj"],
    "distilbert": ["q_lin", "k_lin", "v_lin"], "falcon": ["query_key_value"], "gemma-2": QKV,
    "gemma-4 with images": QKV, "gpt-2": ["c_attn"], "granite": QKV, "mistral-3 with images": QKV,
    "modernbert": ["Wqkv"], "opt": QKV, "phi-3": ["qkv_proj"], "pythia": ["query_key_value"],
    "roberta": ["query", "key", "value"],
}  # fmt: skip


@pytest.mark.parametrize("family", AUTO)
def test_auto_adapts_what_makes_queries_keys_and_values_and_nothing_else(family: str, tmp_path: Path) -> None:
    config = classifiable(AutoConfig.from_pretrained(families.save_checkpoint(family, tmp_path)))
    assert config is not None
    base = lay_out(config, Model(quantization="none"))
    assert sorted(target_kinds(Lora(), projection_kinds(base))) == sorted(AUTO[family])
    named = adapters(add_adapters(base, Lora(freeze_layers=1)))
    assert sorted(named) == sorted(AUTO[family] * (base.config.get_text_config().num_hidden_layers - 1))


def test_latent_attention_has_its_own_projections() -> None:
    kinds = ["down_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "q_a_proj", "q_b_proj"]
    assert target_kinds(Lora(), kinds) == ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj"]


def test_names_that_are_not_known_end_with_those_that_the_model_has() -> None:
    with pytest.raises(SettingError, match=r"'auto': which .* is not known; name some of key, receptance, value"):
        target_kinds(Lora(), ["key", "receptance", "value"])
    assert target_kinds(Lora(target_modules=["key"]), ["key", "receptance", "value"]) == ["key"]
    assert target_kinds(Lora(target_modules="all-linear"), ["key", "value"]) == ["key", "value"]


def test_more_frozen_layers_than_there_are_end_with_what_would_do() -> None:
    demand_layers(Lora(freeze_layers=16), 24)
    way_out = "the model has 12 layers; none is left. 0 adapts all of them, 5 leaves out the recipe's share"
    with pytest.raises(SettingError, match=f"lora.freeze_layers = 16: {way_out}"):
        demand_layers(Lora(), 12)
