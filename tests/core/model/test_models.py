"""Models: the recipe's adapters on the recipe's shapes, and every family, quantization and checkpoint form."""

from pathlib import Path
from typing import Any

import bitsandbytes
import families
import pytest
import tiny
import torch
from small_models import SMALL
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BitsAndBytesConfig,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3TextConfig,
    Gemma3TextForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForSequenceClassification,
)

from core.model.dropout import draws_of
from core.model.load import lay_out, load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters, checkpoint_activations, parameter_counts, projection_kinds
from core.model.tokenizer import load_tokenizer
from core.profile import settings
from core.profile.errors import SettingError

GEMMA2_9B = {
    "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 256, "query_pre_attn_scalar": 256, "vocab_size": 256_000,
    "sliding_window": 4096,
}  # fmt: skip
DECODER = {**SMALL, "num_key_value_heads": 2, "head_dim": 16}


def load(folder: Path, model: settings.Model, max_length: int = 64) -> PreTrainedModel:
    config = load_config(str(folder), model, max_length=max_length)
    load_tokenizer(folder, config)
    return load_classifier(str(folder), config, model, dtype=torch.float32, device="cpu", tell=untold).model


def batch(lengths: list[int]) -> dict[str, torch.Tensor]:
    ids = torch.zeros((len(lengths), max(lengths)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, length in enumerate(lengths):
        ids[i, :length] = torch.randint(4, 600, (length,), generator=torch.Generator().manual_seed(i))
        mask[i, :length] = 1
    return {"input_ids": ids, "attention_mask": mask}


def test_the_recipe_on_gemma_2_9b_trains_exactly_its_adapters_and_head() -> None:
    base = lay_out(Gemma2Config(**GEMMA2_9B, num_labels=3, pad_token_id=0), settings.Model())
    assert isinstance(base.model.layers[0].mlp.gate_proj, bitsandbytes.nn.Linear4bit)
    assert type(base.score) is torch.nn.Linear
    model = add_adapters(base, settings.Lora())

    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert sum(p.numel() for p in trainable.values()) == 7_891_456
    head = [p.numel() for name, p in trainable.items() if "score" in name]
    assert head == [10_752]
    adapted = {
        (int(name.split(".layers.")[1].split(".")[0]), name.split(".")[-4]) for name in trainable if "lora" in name
    }
    assert adapted == {(layer, name) for layer in range(16, 42) for name in ("q_proj", "k_proj", "v_proj")}
    assert {p.dtype for p in trainable.values()} == {torch.float32}
    assert {p.device.type for p in model.parameters()} == {"meta"}


@pytest.mark.slow
def test_gemma_2_attention_caps_its_scores() -> None:
    base = lay_out(Gemma2Config(**GEMMA2_9B, num_labels=3, pad_token_id=0), settings.Model())
    assert base.config._attn_implementation == "eager"
    assert base.config.attn_logit_softcapping == 50.0


FAMILIES: dict[str, tuple[Any, Any]] = {
    "gemma2": (None, None),
    "gemma3": (Gemma3TextForSequenceClassification, Gemma3TextConfig(**DECODER, sliding_window=16)),
    "llama": (LlamaForSequenceClassification, LlamaConfig(**DECODER)),
    "qwen2": (Qwen2ForSequenceClassification, Qwen2Config(**{k: v for k, v in DECODER.items() if k != "head_dim"})),
    "bert": (BertForSequenceClassification, BertConfig(**SMALL)),
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, config = FAMILIES[request.param]
    torch.manual_seed(0)
    return tiny.save_checkpoint(tmp_path_factory.mktemp(request.param), kind and kind(config))


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
def test_every_family_trains_in_every_quantization_with_its_head_left_whole(family: Path, quantization: Any) -> None:
    base = load(family, settings.Model(checkpoint=str(family), quantization=quantization))
    kinds = {"nf4": bitsandbytes.nn.Linear4bit, "int8": bitsandbytes.nn.Linear8bitLt, "none": torch.nn.Linear}
    inside = [m for name, m in base.named_modules() if isinstance(m, torch.nn.Linear) and ".0." in name]
    assert inside
    assert all(type(module) is kinds[quantization] for module in inside)

    model = add_adapters(base, settings.Lora(freeze_layers=1, target_modules="all-linear"))
    checkpoint_activations(model)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not [name for name in trained if ".0." in name]  # the frozen layer
    head = next(
        m for name, m in model.named_modules() if name.endswith(("score.original_module", "classifier.original_module"))
    )
    assert type(head) is torch.nn.Linear

    inputs = batch([40, 9])
    with draws_of(model).of(torch.tensor([1, 2]), inputs["attention_mask"]):
        outputs = model(**inputs)
        assert outputs.logits.shape == (2, 3)
        torch.nn.functional.cross_entropy(outputs.logits, torch.tensor([0, 2])).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (name in trained), name
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name


def test_a_rows_logits_do_not_depend_on_the_padding_beside_it(family: Path) -> None:
    model = load(family, settings.Model(checkpoint=str(family), quantization="none")).eval()
    together = batch([40, 9])
    alone = {name: tensor[1:, :9] for name, tensor in together.items()}
    with torch.no_grad():
        torch.testing.assert_close(model(**together).logits[1:], model(**alone).logits, atol=1e-5, rtol=1e-4)


def test_checkpointing_stops_the_backward_pass_at_the_first_adapter(checkpoint: Path) -> None:
    model = add_adapters(
        load(checkpoint, settings.Model(checkpoint=str(checkpoint))), settings.Lora(freeze_layers=2, dropout=0.0)
    ).train()
    plain = model(**batch([20, 9])).logits
    checkpoint_activations(model)
    layers = model.get_base_model().model.layers
    seen: list[bool] = []
    for layer in layers:
        layer.register_forward_hook(lambda _m, _i, output: seen.append(output.requires_grad))
    recomputed = model.eval()(**batch([20, 9])).logits
    assert seen[:2] == [False, False]
    assert plain.shape == recomputed.shape


@pytest.fixture(scope="module")
def prequantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal checkpoint stored in NF4, whose skip list knows lm_head alone, as the published ones do."""
    plain = tmp_path_factory.mktemp("plain")
    torch.manual_seed(0)
    tiny.save_checkpoint(plain, Gemma2ForCausalLM(Gemma2Config(**{**DECODER, "query_pre_attn_scalar": 16})))
    chosen = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16, llm_int8_skip_modules=["lm_head"],
    )  # fmt: skip
    stored = tmp_path_factory.mktemp("stored")
    model = AutoModelForCausalLM.from_pretrained(
        plain, quantization_config=chosen, device_map={"": "cpu"}, dtype=torch.bfloat16
    )
    return tiny.save_checkpoint(stored, model)


def test_a_prequantized_checkpoint_gets_a_whole_head_and_the_runs_compute_dtype(prequantized: Path) -> None:
    base = load(prequantized, settings.Model(checkpoint=str(prequantized)))
    assert isinstance(base.model.layers[0].mlp.up_proj, bitsandbytes.nn.Linear4bit)
    assert base.model.layers[0].mlp.up_proj.weight.quant_state is not None
    assert base.model.layers[0].mlp.up_proj.compute_dtype is torch.float32
    assert type(base.score) is torch.nn.Linear
    assert base.score.weight.dtype is torch.float32
    assert base.model.embed_tokens.weight.dtype is torch.float32
    assert base.model.norm.weight.dtype is torch.float32
    trainable, total = parameter_counts(add_adapters(base, settings.Lora(freeze_layers=1)))
    assert 0 < trainable < total
    assert total > 600 * 64 + 3 * 3 * 64 * 128  # packed weights are counted as what they hold


def test_of_a_prequantized_checkpoint_the_text_model_keeps_what_is_not_quantized(tmp_path: Path) -> None:
    """As published ones leave some layers in 16 bit, which they name by their place in the whole model."""
    plain = families.save_checkpoint("gemma-4 with images", tmp_path / "plain")
    left = "model.language_model.layers.1.mlp"
    chosen = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", llm_int8_skip_modules=["lm_head", "model.vision_tower", left]
    )
    whole = AutoModelForImageTextToText.from_pretrained(plain, quantization_config=chosen, device_map={"": "cpu"})
    stored = tmp_path / "stored"
    whole.save_pretrained(stored)
    AutoTokenizer.from_pretrained(plain).save_pretrained(stored)
    base = load(stored, settings.Model(checkpoint=str(stored)))
    assert type(base.model.layers[1].mlp.up_proj) is torch.nn.Linear
    assert isinstance(base.model.layers[0].mlp.up_proj, bitsandbytes.nn.Linear4bit)
    assert not hasattr(base.model, "vision_tower")
    for layer, same in zip(base.model.layers, whole.model.language_model.layers, strict=True):
        assert torch.equal(layer.mlp.up_proj.weight, same.mlp.up_proj.weight.to(layer.mlp.up_proj.weight.dtype))
    with torch.no_grad():
        assert base(**batch([20, 9])).logits.isfinite().all()


def test_a_prequantized_checkpoint_is_not_passed_off_as_another_quantization(prequantized: Path) -> None:
    with pytest.raises(SettingError, match=r"model.quantization = 'int8': .* is stored as nf4"):
        load(prequantized, settings.Model(checkpoint=str(prequantized), quantization="int8"))


def test_a_checkpoint_without_its_own_weights_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tiny.save_checkpoint(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SettingError, match=r"lacks weights of its own model: model.layers.1.mlp.up_proj"):
        load(tmp_path, settings.Model(checkpoint=str(tmp_path), quantization="none"))


def test_weights_that_are_not_safetensors_are_not_unpickled(tmp_path: Path) -> None:
    model = tiny.language_model()
    model.config.save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        load(tmp_path, settings.Model(checkpoint=str(tmp_path), quantization="none"))


def test_settings_that_do_not_fit_the_model_name_what_would(checkpoint: Path) -> None:
    model = settings.Model(checkpoint=str(checkpoint), quantization="none")
    with pytest.raises(SettingError, match=r"tokens.max_length = 1024: .* reads at most 512 tokens"):
        load(checkpoint, model, max_length=1024)
    base = load(checkpoint, model)
    assert projection_kinds(base) == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    with pytest.raises(SettingError, match=r"lora.freeze_layers = 4: the model has 4 layers"):
        add_adapters(base, settings.Lora(freeze_layers=4))
    with pytest.raises(SettingError, match=r"'query': the model has no such projection; it has down_proj"):
        add_adapters(base, settings.Lora(freeze_layers=0, target_modules=["q_proj", "query"]))
