"""Which engine and which layout a run gets, by model, settings and free memory."""

from typing import Any

import pytest
from test_memory import GEMMA3, LLAMA, NINE, QWEN, shape

from core.packed.layout import Layout, layouts, obstacle
from core.profile.errors import SettingError
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.train.engine import choose_engine
from core.train.packed_memory import choose, predict_packed

GIB = 2**30


def profile(*overrides: str) -> Profile:
    return parse_profile("", source="test", overrides=overrides)


@pytest.mark.parametrize("config", [NINE, GEMMA3, LLAMA, QWEN], ids=["gemma2", "gemma3", "llama", "qwen2"])
def test_published_models_of_the_families_can_be_packed(config: dict[str, Any]) -> None:
    assert obstacle(profile(), config, precision="bf16", is_on_card=True) is None


@pytest.mark.parametrize(
    ("overrides", "config", "precision", "said"),
    [
        ((), {"model_type": "bert", "hidden_size": 768, "num_attention_heads": 12}, "bf16", "the family bert"),
        (("model.quantization=int8",), NINE, "bf16", "8-bit"),
        (("lora.bias=all",), NINE, "bf16", "lora.bias"),
        (("model.attention=sdpa",), NINE, "bf16", "asks for sdpa"),
        ((), NINE, "fp16", "fp16"),
        ((), {**LLAMA, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, "bf16", "the rotation dynamic"),
        ((), {**LLAMA, "hidden_act": "relu"}, "bf16", "the activation relu"),
        ((), {**LLAMA, "head_dim": 96}, "bf16", "heads of 96"),
        ((), {**LLAMA, "attention_dropout": 0.1}, "bf16", "dropout"),
        ((), {**NINE, "use_bidirectional_attention": True}, "bf16", "not causal"),
    ],
)
def test_what_would_not_be_the_same_training_is_left_to_the_padded_engine(
    overrides: tuple[str, ...], config: dict[str, Any], precision: Any, said: str
) -> None:
    made = profile(*overrides)
    assert said in (obstacle(made, config, precision=precision, is_on_card=True) or "")
    chosen = choose_engine(made, config, precision=precision, longest=1024, free=80 * GIB)
    assert chosen.name == "padded"
    assert said in chosen.reason
    asked = profile(*overrides, "train.engine=packed")
    with pytest.raises(SettingError, match=r"train.engine = 'packed': the packed engine cannot train this"):
        choose_engine(asked, config, precision=precision, longest=1024, free=80 * GIB)


def test_more_free_memory_never_means_a_slower_layout() -> None:
    made = profile()
    order = list(layouts(made))
    places = [
        order.index(choose(made, shape(NINE), precision="bf16", longest=1024, free=free * GIB))
        for free in range(4, 140)
    ]
    assert places == sorted(places, reverse=True)
    assert order[places[-1]] == Layout(keeps_weights=True, checkpointing="none", examples=8)
    assert order[places[0]] == Layout(keeps_weights=False, checkpointing="full", examples=1, embeds_on_host=True)
    peaks = [predict_packed(made, shape(NINE), at, precision="bf16", longest=1024).total for at in order]
    assert max(peaks) == peaks[0]
    assert min(peaks) == peaks[-1]


def test_small_memory_takes_one_layout_with_the_profiles_own_rows() -> None:
    made = profile("train.memory=small")
    assert [str(layout) for layout in layouts(made)] == [
        "weights dequantized as they are needed, embedding on the host, full checkpointing, rows of 2"
    ]
    assert predict_packed(made, shape(NINE), next(layouts(made)), precision="bf16", longest=1024).total < 6 * GIB
    four = profile("train.memory=small", "train.per_device_batch_size=4", "train.gradient_accumulation=2")
    assert predict_packed(four, shape(NINE), next(layouts(four)), precision="bf16", longest=1024).total < 8 * GIB
