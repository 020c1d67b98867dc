"""The settings that are proposed for a card that was too small fit it, and change as little as will do."""

from pathlib import Path

import pytest
from msgspec import json
from msgspec.structs import replace

from core.engine.fit import judge
from core.engine.memory import predict
from core.failures.remedies import less_memory, less_memory_in_evaluation, less_memory_in_loading, steadier
from core.model.shape import read_shape
from core.profile.load import changes, parse_profile
from core.runs.events import Device, Started

GIB = 2**30
GEMMA2_9B = {
    "model_type": "gemma2", "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 256_000,
}  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Gemma-2 9B as far as its shape tells: no weights."""
    (tmp_path / "config.json").write_bytes(json.encode(GEMMA2_9B))
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def started(card: int, longest: int = 1024) -> Started:
    return Started(
        rows_train=100, rows_eval=20, rows_cut=0, tokens_train=1, steps=9, global_batch=8, trainable_parameters=1,
        total_parameters=1, precision="bf16", device=Device(kind="cuda", name="card", memory=card), longest=longest,
        prior_log_loss=1.09,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "card", "keys"),
    [
        (
            ["train.per_device_batch_size=8", "train.gradient_accumulation=1"],
            11,
            {"train.per_device_batch_size", "train.gradient_accumulation"},
        ),
        (["train.per_device_batch_size=1", "train.gradient_accumulation=8", "train.gradient_checkpointing=false"], 11,
            {"train.gradient_checkpointing"}),
        (["train.per_device_batch_size=1", "train.gradient_accumulation=8", "tokens.max_length=2048"], 9,
            {"tokens.max_length"}),
    ],
)  # fmt: skip
def test_the_proposal_fits_the_card_with_the_same_global_batch(
    settings: list[str], card: int, keys: set[str], checkpoint: Path
) -> None:
    own = [f"model.checkpoint={checkpoint}", *settings]
    profile = parse_profile("", source="none", overrides=own)
    longest = profile.tokens.max_length
    found = less_memory(profile, started(card * GIB, longest), card * GIB)
    assert keys <= {change.key for change in found} <= {*keys, "eval.per_device_batch_size"}
    smaller = parse_profile("", source="none", overrides=[*own, *(change.override for change in found)])
    assert smaller.global_batch == profile.global_batch == 8
    shape = read_shape(GEMMA2_9B, profile.model)
    assert shape is not None
    peak = predict(smaller, shape, precision="bf16", length=min(longest, smaller.tokens.max_length)).total
    assert judge(peak, card * GIB) == "fits"


def test_a_prediction_that_was_too_low_is_raised_by_what_the_run_has_shown(checkpoint: Path) -> None:
    """By prediction it fits easily into 141 GiB; it did not: the proposal is smaller all the same."""
    own = [f"model.checkpoint={checkpoint}", "train.per_device_batch_size=8", "train.gradient_accumulation=1"]
    profile = parse_profile("", source="none", overrides=own)
    found = less_memory(profile, started(141 * GIB), 141 * GIB)
    assert [change.key for change in found][:2] == ["train.per_device_batch_size", "train.gradient_accumulation"]


def test_a_packed_run_is_first_told_to_need_least_and_then_to_take_fewer_rows_at_once(checkpoint: Path) -> None:
    profile = parse_profile("", source="none", overrides=[f"model.checkpoint={checkpoint}"])
    packed = replace(started(24 * GIB), engine="packed")
    (first,) = less_memory(profile, packed, 24 * GIB)
    assert (first.key, first.new) == ("train.memory", "small")
    small = parse_profile("", source="none", overrides=[f"model.checkpoint={checkpoint}", first.override])
    keys = [change.key for change in less_memory(small, packed, 24 * GIB)]
    assert keys == ["train.per_device_batch_size", "train.gradient_accumulation"]


def test_where_nothing_tried_fits_nothing_is_proposed(checkpoint: Path) -> None:
    profile = parse_profile("", source="none", overrides=[f"model.checkpoint={checkpoint}"])
    assert less_memory(profile, started(4 * GIB), 4 * GIB) == []


def test_a_single_evaluation_row_leaves_a_shorter_limit_and_a_base_in_8_bit_leaves_4() -> None:
    profile = parse_profile("", source="none", overrides=["eval.per_device_batch_size=1", "model.quantization=int8"])
    assert [(change.key, change.new) for change in less_memory_in_evaluation(profile)] == [("tokens.max_length", 768)]
    assert [(change.key, change.new) for change in less_memory_in_loading(profile)] == [("model.quantization", "nf4")]
    assert less_memory_in_loading(parse_profile("", source="none")) == []


def test_a_lost_loss_is_met_with_bf16_where_the_card_has_it_and_with_half_of_every_learning_rate_else() -> None:
    profile = parse_profile("", source="none", overrides=["train.head_learning_rate=1e-5"])
    assert [(change.key, change.new) for change in steadier(profile, "fp16", has_bf16=True)] == [
        ("train.precision", "bf16")
    ]
    halved = [("train.learning_rate", 1e-4), ("train.head_learning_rate", 5e-6)]
    for precision, has_bf16 in (("fp16", False), ("bf16", True), ("fp32", False)):
        found = steadier(profile, precision, has_bf16=has_bf16)
        assert [(change.key, change.new) for change in found] == halved


def test_every_kind_of_value_can_be_an_override_that_reads_back() -> None:
    own = [
        "data.limit=5",
        "lora.target_modules=all-linear",
        "model.double_quant=false",
        "tokens.ellipsis='a \"b\" = c'",
    ]
    profile, plain = parse_profile("", source="none", overrides=own), parse_profile("", source="none")
    found = changes(plain, profile)
    assert len(found) == 4
    assert parse_profile("", source="none", overrides=[change.override for change in found]) == profile
    with pytest.raises(TypeError, match=r"unset data\.limit"):
        _ = changes(profile, plain)[0].override
