"""Heads: which is new, which goes on, which is trained and saved, and that it computes in float32."""

from pathlib import Path
from typing import Any

import families
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from core.model.load import Base, lay_out, load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters, parameter_counts
from core.model.tokenizer import load_tokenizer
from core.profile import settings
from core.profile.errors import SettingError

EVERYWHERE = settings.Lora(freeze_layers=0, target_modules="all-linear")


def save_reward_model(folder: Path, outputs: int, **labels: Any) -> PreTrainedModel:
    """A classifier with a head of its own, as reward models are published."""
    families.save_checkpoint("gemma-2", folder)
    config = AutoConfig.from_pretrained(folder, num_labels=outputs, problem_type="regression", **labels)
    model = AutoModelForSequenceClassification.from_pretrained(folder, config=config)
    model.save_pretrained(folder)
    return model


def load(folder: Path, quantization: Any = "none") -> Base:
    model = settings.Model(checkpoint=str(folder), quantization=quantization)
    config = load_config(str(folder), model, max_length=64)
    load_tokenizer(folder, config)
    torch.manual_seed(7)
    return load_classifier(str(folder), config, model, dtype=torch.float32, device="cpu", tell=untold)


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_the_head_of_a_reward_model_is_replaced_whatever_its_size(outputs: int, tmp_path: Path) -> None:
    stored = save_reward_model(tmp_path, outputs)
    loaded, head = load(tmp_path)
    assert head == "replaced"
    assert loaded.score.weight.shape == (3, 64)
    assert 0.005 < float(loaded.score.weight.std()) < 0.05  # drawn as Gemma-2 draws, in place of the stored one
    assert not torch.isin(loaded.score.weight, stored.score.weight).any()
    assert loaded.config.problem_type is None
    assert torch.equal(loaded.model.layers[1].mlp.up_proj.weight, stored.model.layers[1].mlp.up_proj.weight)


def test_the_head_of_an_exported_run_goes_on(tmp_path: Path) -> None:
    stored = save_reward_model(tmp_path, 3, id2label={0: "A wins", 1: "B wins", 2: "tie"})
    loaded, head = load(tmp_path)
    assert head == "kept"
    assert torch.equal(loaded.score.weight, stored.score.weight)


def test_a_head_of_several_layers_is_begun_anew_as_a_whole(tmp_path: Path) -> None:
    families.save_checkpoint("roberta", tmp_path)
    stored = RobertaForSequenceClassification(RobertaConfig.from_pretrained(tmp_path, num_labels=3))
    stored.save_pretrained(tmp_path)
    loaded, head = load(tmp_path)
    assert head == "replaced"
    for name, parameter in loaded.classifier.named_parameters():
        if name.endswith("weight"):
            assert not torch.equal(parameter, stored.classifier.get_parameter(name)), name


def test_weights_that_do_not_fit_outside_the_head_are_refused(tmp_path: Path) -> None:
    families.save_checkpoint("gemma-2", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"] = torch.zeros(7, 64)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SettingError, match=r"other sizes .*: model.layers.1.mlp.up_proj.weight"):
        load(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bert", "deberta-v2", "distilbert", "modernbert", "gemma-3 with images"])
def test_a_plan_counts_the_parameters_that_a_run_trains(family: str, tmp_path: Path) -> None:
    families.save_checkpoint(family, tmp_path)
    loaded, _ = load(tmp_path)
    planned = add_adapters(lay_out(loaded.config, settings.Model(quantization="none")), EVERYWHERE)
    assert parameter_counts(planned) == parameter_counts(add_adapters(loaded, EVERYWHERE))


def test_adapters_land_on_the_language_model_alone(tmp_path: Path) -> None:
    families.save_checkpoint("gemma-3 with images", tmp_path)
    model = add_adapters(load(tmp_path).model, settings.Lora(freeze_layers=1))
    adapted = {name.split(".lora_A")[0] for name, _ in model.named_modules() if name.endswith(".lora_A")}
    kinds = ("q_proj", "k_proj", "v_proj")
    layers = "base_model.model.model.language_model.layers"
    assert adapted == {f"{layers}.{layer}.self_attn.{kind}" for layer in (1, 2) for kind in kinds}


@pytest.mark.parametrize("family", ["gemma-2", "bert", "roberta"])
def test_logits_are_float32_under_autocast(family: str, tmp_path: Path) -> None:
    families.save_checkpoint(family, tmp_path)
    model = add_adapters(load(tmp_path).model, EVERYWHERE).eval()
    ids = torch.tensor([[2, 40, 50, 60, 1]])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    assert logits.dtype is torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())


def test_layers_that_share_their_weights_have_adapters_only_if_none_is_frozen(tmp_path: Path) -> None:
    families.save_checkpoint("albert", tmp_path)
    with pytest.raises(SettingError, match=r"lora.freeze_layers = 2: no projection is left"):
        add_adapters(load(tmp_path).model, settings.Lora(freeze_layers=2, target_modules="all-linear"))
