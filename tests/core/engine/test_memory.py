"""The predicted memory: shapes against transformers', parts against real models, peaks against measured ones."""

import json
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from places import ROOT
from shapes import GEMMA3, GEMMA3_12B, LLAMA, MISTRAL, NINE, PHI3_MINI, PHI4_MINI, QWEN, QWEN3, shape
from transformers import (
    Gemma2Config,
    Gemma2ForSequenceClassification,
    Gemma3Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from core.bench.sizes import SIZES
from core.engine.fit import judge
from core.engine.memory import Memory, predict, trainable_sizes
from core.model.load import _slides, lay_out
from core.model.lora import add_adapters, parameter_counts
from core.model.shape import read_shape
from core.packed.gate import obstacle
from core.profile import settings
from core.profile.errors import SettingError
from core.profile.files import find_profile, read_profile
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.profile.train_settings import Precision

GIB = 2**30
# As their checkpoints on the hub state them.
TWO = {
    **NINE, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
    "num_key_value_heads": 4,
}  # fmt: skip
CONFIGS: list[tuple[dict[str, Any], type[PretrainedConfig]]] = [
    (NINE, Gemma2Config),
    (TWO, Gemma2Config),
    (GEMMA3, Gemma3TextConfig),
    (GEMMA3_12B, Gemma3Config),
    (LLAMA, LlamaConfig),
    (QWEN, Qwen2Config),
    (QWEN3, Qwen3Config),
    (MISTRAL, MistralConfig),
    (PHI3_MINI, Phi3Config),
    (PHI4_MINI, Phi3Config),
]


def profile(*overrides: str) -> Profile:
    return parse_profile("", source="test", overrides=overrides)


def peak(config: dict[str, Any], *overrides: str, precision: Precision = "bf16", length: int = 1024) -> Memory:
    made = profile(*overrides)
    return predict(made, shape(config, made.model), precision=precision, length=length)


@pytest.fixture(
    scope="module",
    params=CONFIGS,
    ids=["9b", "2b", "gemma3", "gemma3-12b", "llama", "qwen2", "qwen3", "mistral", "phi3-mini", "phi4-mini"],
)
def family(request: pytest.FixtureRequest) -> tuple[dict[str, Any], PretrainedConfig]:
    stated, kind = request.param
    of_class = stated if kind is Gemma3Config else stated.get("text_config", stated)
    return stated, kind(**deepcopy(of_class), num_labels=3, pad_token_id=0)


@pytest.mark.parametrize("kind", [Gemma2Config, LlamaConfig, MistralConfig, Phi3Config, Qwen2Config, Qwen3Config])
def test_a_text_model_inside_another_has_the_sizes_of_its_class_where_it_states_none(
    kind: type[PretrainedConfig],
) -> None:
    """As LLaVA's does: the plan reads config.json alone, and the run what transformers makes of it."""
    for stated in ({}, {"hidden_size": 512, "num_hidden_layers": 3}):
        inside = {"model_type": "llava", "text_config": {"model_type": kind.model_type, **stated}}
        of_run = kind(**stated).to_dict()
        assert shape(inside) == shape(of_run)
        reasons = [obstacle(profile(), config, precision="bf16", best="bf16") for config in (inside, of_run)]
        assert reasons[0] == reasons[1]


@pytest.mark.slow
@pytest.mark.parametrize("all_linear", [True, False])
def test_shape_and_trained_weights_are_those_of_the_real_model(family: Any, all_linear: bool) -> None:
    stated, config = family
    queries_and_keys = '["qkv_proj"]' if config.model_type == "phi3" else '["q_proj", "k_proj", "v_proj"]'
    targets = "all-linear" if all_linear else queries_and_keys
    made = profile("model.quantization=none", f"lora.target_modules={targets}", "lora.freeze_layers=7")
    base = lay_out(config, made.model)
    trainable, total = parameter_counts(add_adapters(base, made.lora))

    found = shape(stated)
    assert found.attention == ("eager" if base.config._attn_implementation == "eager" else "fused")
    assert sum(trainable_sizes(made, found)) == trainable
    predicted = predict(made, found, precision="bf16", length=64)
    assert predicted.weights == pytest.approx(2 * (total - trainable), rel=1e-3)
    assert predicted.adapters == predicted.gradients == 4 * trainable


@pytest.mark.parametrize(
    ("name", "config"),
    [("gemma3-12b", GEMMA3_12B), ("llama3.1-8b", LLAMA), ("qwen3-8b", SIZES["qwen3-8b"])],
)
def test_a_shipped_profile_names_the_memory_that_a_plan_reckons(name: str, config: dict[str, Any]) -> None:
    text = read_profile(find_profile(f"{name}-qlora")).text
    made = parse_profile(text, source=name)
    reckoned = predict(made, shape(config, made.model), precision="bf16", length=1024).total
    (stated,) = re.findall(r"Memory +([0-9.]+) GiB", text)
    assert stated == f"{reckoned / GIB:.1f}"
    (card,) = re.findall(r"a card with ([0-9]+) GB", text)
    assert judge(reckoned, int(card) * 10**9) == "fits"


def test_a_family_it_does_not_know_is_not_guessed_at() -> None:
    assert read_shape({"model_type": "bert", "hidden_size": 768}, settings.Model()) is None


def test_a_config_without_a_size_that_it_must_state_is_named() -> None:
    without = {key: value for key, value in LLAMA.items() if key != "hidden_size"}
    with pytest.raises(SettingError, match=r"config.json has no hidden_size"):
        read_shape(without, settings.Model())


MEASURED = [
    (7.06, NINE, (), "bf16"),
    (72.0, NINE, ("train.per_device_batch_size=8", "train.gradient_checkpointing=false"), "bf16"),
    (4.1, TWO, ("train.per_device_batch_size=4", "lora.freeze_layers=10"), "fp16"),
    (6.5, TWO, ("train.per_device_batch_size=4", "lora.freeze_layers=10", "model.quantization=int8"), "bf16"),
]


@pytest.mark.parametrize(("gib", "config", "overrides", "precision"), MEASURED)
def test_the_prediction_is_within_10_percent_of_peaks_measured_on_an_h200(
    gib: float, config: dict[str, Any], overrides: tuple[str, ...], precision: Precision
) -> None:
    assert peak(config, *overrides, precision=precision).total / GIB == pytest.approx(gib, rel=0.1)


def test_what_autograd_keeps_of_a_real_step_is_what_is_predicted() -> None:
    sizes = {
        "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 600,
    }  # fmt: skip
    made = profile(
        "model.quantization=none", "lora.freeze_layers=1", "lora.target_modules=all-linear", "lora.dropout=0"
    )
    base = Gemma2ForSequenceClassification(Gemma2Config(**sizes, num_labels=3, pad_token_id=0))
    base.requires_grad_(False)
    model = add_adapters(base, made.lora).train()
    weights = {parameter.data_ptr() for parameter in model.parameters()}

    for batch, length in [(2, 128), (4, 128), (2, 256)]:
        kept: dict[int, int] = {}

        def note(tensor: torch.Tensor, kept: dict[int, int] = kept) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        ids = torch.full((batch, length), 5)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.sum()
        train = replace(made.train, per_device_batch_size=batch, gradient_checkpointing=False)
        memory = predict(
            replace(made, train=train),
            shape({"model_type": "gemma2", **sizes}, made.model),
            precision="fp32",
            length=length,
        )
        loss.backward()
        assert sum(kept.values()) == pytest.approx(memory.activations, rel=0.25)


def test_memory_grows_with_batch_and_length_and_shrinks_with_checkpointing() -> None:
    small = peak(NINE).total
    assert peak(NINE, "train.per_device_batch_size=4").total > small
    assert peak(NINE, length=2048).total > small
    assert peak(NINE, "train.gradient_checkpointing=false").total > 2 * small
    assert peak(NINE, "train.gradient_accumulation=64").total == small
    assert peak(NINE, "eval.per_device_batch_size=64").total > small  # an evaluation batch can be what takes most
    assert peak(NINE, "lora.freeze_layers=0").total > small


def test_a_head_has_a_row_for_each_outcome() -> None:
    two = replace(Profile(), model=replace(Profile().model, outcomes="a-b"))
    found = shape(NINE)
    assert sum(trainable_sizes(Profile(), found)) - sum(trainable_sizes(two, found)) == found.hidden


def test_the_parts_add_up_to_the_total() -> None:
    memory = peak(NINE)
    parts = (memory.weights, memory.adapters, memory.gradients, memory.optimizer, memory.activations, memory.workspace)
    assert sum(parts) == memory.total
    assert min(parts) > 0


def test_the_optimizer_takes_two_bytes_a_weight_in_8_bit_and_eight_in_32() -> None:
    trained = 7_891_456
    assert peak(NINE).optimizer == pytest.approx(2 * trained, rel=0.02)
    assert peak(NINE, "train.optimizer=adamw_torch").optimizer == 8 * trained


@pytest.mark.slow
def test_the_benchmark_runs_a_row_and_outlives_one_that_fails(checkpoint: Path, tmp_path: Path) -> None:
    script = ROOT / "tests" / "benchmarks" / "memory.py"
    small = ["tokens.max_length=32", "lora.freeze_layers=1", "train.optimizer=adamw_torch", "train.precision=fp32"]
    ran = subprocess.run(
        [sys.executable, script, "--two", checkpoint, "--nine", tmp_path / "nothing", "--only", "2b-none,9b",
         "--json", tmp_path / "memory.json", *(f"--set={override}" for override in small)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    done, failed = json.loads((tmp_path / "memory.json").read_bytes())
    assert done["measured_peak"] > 0
    assert done["ratio"] == round(done["predicted_peak"] / done["measured_peak"], 4)
    assert done["tokens_per_second"] > 0
    assert "there is no such folder" in failed["failure"]
    assert "2b-none" in ran.stdout


@pytest.mark.parametrize("kind", [Qwen2Config, Qwen3Config])
@pytest.mark.parametrize(
    "stated",
    [
        {"use_sliding_window": True, "num_hidden_layers": 28},
        {"use_sliding_window": True, "num_hidden_layers": 28, "max_window_layers": 21},
        {"use_sliding_window": True, "num_hidden_layers": 30},
        {"num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8},
        {"num_hidden_layers": 2},
    ],
)
def test_plan_and_run_see_the_same_windows(kind: type[PretrainedConfig], stated: dict[str, Any]) -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": 100}
    expected = _slides(kind(**sizes, **stated))
    assert shape({"model_type": kind.model_type, **sizes, **stated}).slides == expected
