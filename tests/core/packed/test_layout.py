"""Which engine and which layout a run gets, by model, settings and free memory."""

from typing import Any

import pytest
from shapes import GEMMA3, GEMMA3_12B, LLAMA, MISTRAL, NINE, PHI3_MINI, PHI4_MINI, QWEN, QWEN3, shape

from core.engine.choose import choose, choose_engine, choose_prediction_engine, predict_packed
from core.packed.gate import obstacle
from core.packed.layout import Layout, layouts
from core.profile.errors import SettingError
from core.profile.load import parse_profile
from core.profile.settings import Profile

GIB = 2**30


def profile(*overrides: str) -> Profile:
    return parse_profile("", source="test", overrides=overrides)


PUBLISHED = {
    "gemma2": NINE, "gemma3": GEMMA3, "gemma3-12b": GEMMA3_12B, "llama": LLAMA, "qwen2": QWEN, "qwen3": QWEN3,
    "mistral": MISTRAL, "phi3-mini": PHI3_MINI, "phi4-mini": PHI4_MINI,
}  # fmt: skip


@pytest.mark.parametrize("config", PUBLISHED.values(), ids=PUBLISHED)
def test_published_models_of_the_families_can_be_packed(config: dict[str, Any]) -> None:
    assert obstacle(profile(), config, precision="bf16", best="bf16") is None


def test_long_rows_of_a_rotation_that_changes_with_length_are_left_to_the_padded_engine() -> None:
    """Phi-4-mini's angles are others from 4,097 tokens on, for all rows of a batch."""
    for length, said in ((4096, None), (4097, "rows of more than 4,096 tokens")):
        reason = obstacle(profile(f"tokens.max_length={length}"), PHI4_MINI, precision="bf16", best="bf16")
        assert (reason is None) == (said is None)
        assert said is None or said in (reason or "")


@pytest.mark.parametrize(
    ("overrides", "config", "precision", "said"),
    [
        (("model.quantization=int8",), NINE, "bf16", "8-bit"),
        (("lora.bias=all",), NINE, "bf16", "lora.bias"),
        (("model.attention=sdpa",), NINE, "bf16", "asks for sdpa"),
        (("model.compute_dtype=float32",), NINE, "bf16", "model.compute_dtype is float32, and it computes in bf16"),
        (("model.compute_dtype=bfloat16",), NINE, "fp32", "model.compute_dtype is bfloat16"),
        ((), NINE, "fp16", "fp16"),
        ((), {**LLAMA, "hidden_act": "relu"}, "bf16", "the activation relu"),
    ],
)
def test_what_would_not_be_the_same_training_is_left_to_the_padded_engine(
    overrides: tuple[str, ...], config: dict[str, Any], precision: Any, said: str
) -> None:
    made = profile(*overrides)
    here: Any = {"precision": precision, "best": "bf16", "longest": 1024, "free": 80 * GIB}
    chosen = choose_engine(made, config, **here)
    assert chosen.name == "padded"
    assert said in chosen.reason
    asked = profile(*overrides, "train.engine=packed")
    with pytest.raises(SettingError, match=r"train.engine = 'packed': the packed engine cannot compute this"):
        choose_engine(asked, config, **here)
    assert choose_prediction_engine(asked, config, **here) == chosen


@pytest.mark.parametrize("dtype", ["auto", "bfloat16"])
def test_a_compute_type_that_is_the_runs_own_is_packed(dtype: str) -> None:
    made = profile(f"model.compute_dtype={dtype}")
    assert obstacle(made, NINE, precision="bf16", best="bf16") is None
    other = profile("model.quantization=none", "model.compute_dtype=float32")  # of which nothing is quantized
    assert obstacle(other, NINE, precision="bf16", best="bf16") is None


@pytest.mark.parametrize(("best", "free"), [("fp16", 15 * GIB), ("fp32", None)], ids=["T4", "processor"])
def test_bf16_is_packed_only_where_a_card_computes_it_itself(best: Any, free: int | None) -> None:
    made, here = profile("train.engine=packed"), {"best": best, "longest": 1024, "free": free}
    with pytest.raises(SettingError, match="computes in bf16 only on cards that support it"):
        choose_engine(made, NINE, precision="bf16", **here)
    assert choose_prediction_engine(made, NINE, precision="bf16", **here).name == "padded"
    assert choose_engine(made, NINE, precision="fp32", **here).name == "packed"


@pytest.mark.parametrize("asked", ["auto", "packed"])
def test_predictions_are_packed_where_they_can_be_unless_the_run_asks_for_padded(asked: str) -> None:
    made, padded = profile(f"train.engine={asked}"), profile("train.engine=padded")
    on_card: Any = {"precision": "fp32", "best": "bf16", "longest": 1024, "free": 80 * GIB}
    assert choose_prediction_engine(made, NINE, **on_card).name == "packed"
    assert choose_prediction_engine(padded, NINE, **on_card).name == "padded"
    on_a_t4: Any = {"precision": "fp16", "best": "fp16", "longest": 1024, "free": 15 * GIB}
    assert choose_prediction_engine(made, NINE, **on_a_t4).name == "padded"
    on_processor: Any = {"precision": "fp32", "best": "fp32", "longest": 1024, "free": None}
    assert choose_prediction_engine(made, NINE, **on_processor).name == ("packed" if asked == "packed" else "padded")


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
