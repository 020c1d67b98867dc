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
    GPT2Config,
    GPT2Model,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from core.model.head import Head, find_head
from core.model.load import Base, lay_out, load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters, head_names, parameter_counts
from core.model.tokenizer import load_tokenizer
from core.outcomes import A_B_TIE
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
    assert head.fate == "replaced"
    assert loaded.score.weight.shape == (3, 64)
    assert 0.005 < float(loaded.score.weight.std()) < 0.05  # drawn as Gemma-2 draws, in place of the stored one
    assert not torch.isin(loaded.score.weight, stored.score.weight).any()
    assert loaded.config.problem_type is None
    assert torch.equal(loaded.model.layers[1].mlp.up_proj.weight, stored.model.layers[1].mlp.up_proj.weight)


def test_the_head_of_an_exported_run_goes_on(tmp_path: Path) -> None:
    stored = save_reward_model(tmp_path, 3, id2label={0: "A wins", 1: "B wins", 2: "tie"})
    loaded, head = load(tmp_path)
    assert head.fate == "kept"
    assert torch.equal(loaded.score.weight, stored.score.weight)


def test_a_head_of_several_layers_is_begun_anew_as_a_whole(tmp_path: Path) -> None:
    families.save_checkpoint("roberta", tmp_path)
    stored = RobertaForSequenceClassification(RobertaConfig.from_pretrained(tmp_path, num_labels=3))
    stored.save_pretrained(tmp_path)
    loaded, head = load(tmp_path)
    assert head.fate == "replaced"
    for name, parameter in loaded.classifier.named_parameters():
        if name.endswith("weight"):
            assert not torch.equal(parameter, stored.classifier.get_parameter(name)), name


def foretold(folder: Path) -> Head:
    """What a plan says of the head, before any weight is read."""
    model = settings.Model(checkpoint=str(folder), quantization="none")
    config = load_config(str(folder), model, max_length=64)
    return find_head(folder, head_names(lay_out(config, model))[-1], config.id2label)


def add_weight(folder: Path, name: str, outputs: int) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name] = torch.ones(outputs, 64)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("family", "name", "outputs", "told"),
    [
        ("llama-3", "score", 1, "score, 1 output"),
        ("bert", "classifier", 3, "classifier, 3 outputs"),
        ("deberta-v2", "classifier", 1, "classifier, 1 output"),
        ("modernbert", "classifier", 2, "classifier, 2 outputs"),
        ("qwen-2", "v_head.summary", 1, "v_head.summary, 1 output"),
        ("llama-3", "regression_layer", 19, "regression_layer, 19 outputs"),
        ("gemma-4 with images", "score", 1, "score, 1 output"),
    ],
)
def test_a_stored_head_of_whatever_name_is_replaced_and_told_of_beforehand(
    family: str, name: str, outputs: int, told: str, tmp_path: Path
) -> None:
    families.save_checkpoint(family, tmp_path)
    add_weight(tmp_path, f"{name}.weight", outputs)
    loaded, head = load(tmp_path)
    assert head == foretold(tmp_path) == Head("replaced", told)
    assert str(head) == f"its head ({told}) is replaced by a new one"
    last = loaded.get_submodule(head_names(loaded)[-1])
    assert last.weight.shape == (3, 64)
    assert not (last.weight == 1).any()


@pytest.mark.parametrize("family", sorted(set(families.MODELS) - {"t5"}))
def test_a_language_models_own_head_is_not_taken_for_a_stored_one(family: str, tmp_path: Path) -> None:
    families.save_checkpoint(family, tmp_path)
    assert foretold(tmp_path) == Head("new")


def test_positions_without_a_prefix_are_no_head(tmp_path: Path) -> None:
    """Those of a GPT-2 that was saved as a base model, for a few positions."""
    GPT2Model(GPT2Config(n_embd=64, n_layer=1, n_head=2, n_positions=32, vocab_size=200)).save_pretrained(tmp_path)
    assert find_head(tmp_path, "score", {}) == Head("new")


def test_a_head_whose_weights_are_not_here_yet_is_judged_by_the_configuration(tmp_path: Path) -> None:
    save_reward_model(tmp_path, 1)
    (tmp_path / "model.safetensors").unlink()
    assert foretold(tmp_path) == Head("replaced", "score, 1 output")
    save_reward_model(tmp_path, 3, id2label=dict(enumerate(A_B_TIE.labels)))
    (tmp_path / "model.safetensors").unlink()
    assert foretold(tmp_path) == Head("kept", "score, 3 outputs")


@pytest.mark.parametrize("family", ["albert", "bert", "deberta-v2", "distilbert", "modernbert", "roberta", "gemma-2"])
def test_all_that_is_new_in_a_model_is_trained(family: str, tmp_path: Path) -> None:
    """DeBERTa's pooler is part of no language model: random and frozen, it would be another after each loading."""
    families.save_checkpoint(family, tmp_path)
    loaded, _ = load(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    new = {name for name, _ in loaded.named_parameters() if name not in stored}
    trained = {
        name.removeprefix("base_model.model.").replace(".modules_to_save.default", "")
        for name, parameter in add_adapters(loaded, EVERYWHERE).named_parameters()
        if parameter.requires_grad and ".modules_to_save." in name  # by which they have the rate of the head
    }
    assert new
    assert new <= trained


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
