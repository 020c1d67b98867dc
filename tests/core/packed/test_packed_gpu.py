"""The packed engine on a card: no less exact than the padded one in bf16, and no leak between examples.

Random models of real head sizes, against the same weights in float32. `pytest -n 0 -m gpu -s` prints the table.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from bitsandbytes.nn import Linear4bit
from msgspec.structs import replace
from packing import (
    Learned,
    engine_of,
    packed,
    packed_logits,
    padded,
    padded_logits,
    rows_of,
    set_to_work,
)
from peft import PeftModel
from torch.nn.functional import cross_entropy
from transformers import (
    Gemma2Config,
    Gemma2ForSequenceClassification,
    Gemma3Config,
    Gemma3ForSequenceClassification,
    Gemma3TextConfig,
    Gemma3TextForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForSequenceClassification,
    Phi3Config,
    Phi3ForSequenceClassification,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen3Config,
    Qwen3ForSequenceClassification,
    SiglipVisionConfig,
)

from core.model.lora import add_adapters
from core.packed import ops_reference
from core.packed.layout import Layout
from core.packed.projection import Projection
from core.profile import settings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card"),
]
SIZES = {
    "vocab_size": 1000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 8,
    "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 4096,
    "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "num_labels": 3, "attn_implementation": "eager",
}  # fmt: skip
FAMILIES: dict[str, tuple[Any, Any]] = {
    "gemma2": (Gemma2ForSequenceClassification, Gemma2Config(**SIZES, head_dim=256, query_pre_attn_scalar=256)),
    "gemma2-window": (
        Gemma2ForSequenceClassification,
        Gemma2Config(**SIZES, head_dim=256, query_pre_attn_scalar=256, sliding_window=100),
    ),
    "gemma2-silu": (
        Gemma2ForSequenceClassification,
        Gemma2Config(**SIZES, head_dim=256, query_pre_attn_scalar=256, hidden_activation="silu"),
    ),
    "gemma3": (Gemma3TextForSequenceClassification, Gemma3TextConfig(**SIZES, head_dim=256, sliding_window=64)),
    "llama": (LlamaForSequenceClassification, LlamaConfig(**SIZES, head_dim=128)),
    "llama-gelu": (LlamaForSequenceClassification, LlamaConfig(**SIZES, head_dim=128, hidden_act="gelu_pytorch_tanh")),
    "qwen2": (Qwen2ForSequenceClassification, Qwen2Config(**{**SIZES, "hidden_size": 2048, "num_attention_heads": 32})),
    "qwen3": (Qwen3ForSequenceClassification, Qwen3Config(**SIZES, head_dim=128)),
    "mistral": (MistralForSequenceClassification, MistralConfig(**SIZES, head_dim=128, sliding_window=100)),
    "phi3-mini": (  # heads of 96
        Phi3ForSequenceClassification,
        Phi3Config(**{**SIZES, "num_attention_heads": 24, "num_key_value_heads": 24}, sliding_window=100),
    ),
    "phi4-mini": (  # heads of 128, of which 96 are rotated
        Phi3ForSequenceClassification,
        Phi3Config(
            **{**SIZES, "num_attention_heads": 18, "num_key_value_heads": 6}, partial_rotary_factor=0.75,
            rope_parameters={
                "rope_type": "longrope", "short_factor": [1.0 + place / 48 for place in range(48)],
                "long_factor": [40.0] * 48,
            },
        ),
    ),
    "gemma3-with-images": (
        Gemma3ForSequenceClassification,
        Gemma3Config(
            text_config=Gemma3TextConfig(**SIZES, head_dim=256, sliding_window=64),
            vision_config=SiglipVisionConfig(
                hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2, image_size=28,
                patch_size=14,
            ),
            mm_tokens_per_image=4, num_labels=3, attn_implementation="eager",
        ),
    ),
}  # fmt: skip
LENGTHS = [700, 1, 333, 64, 129, 500]
BATCHES = 64
SCATTER = 1.25
"""The ratio of two root mean squares of so many equal errors stays below it, but for one time in fifty."""
LAYOUT = Layout(keeps_weights=True, checkpointing="none", examples=8)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Iterator[PeftModel]:
    """In bf16, adapters at work on all projections."""
    kind, config = FAMILIES[request.param]
    torch.manual_seed(0)
    base = kind(config).to("cuda", torch.bfloat16).requires_grad_(False)
    made = add_adapters(base, settings.Lora(freeze_layers=2, target_modules="all-linear", dropout=0.0))
    set_to_work(made, request.param)
    yield made
    del made
    torch.cuda.empty_cache()


def error(found: Learned, reference: Learned, of: Callable[[str], bool]) -> float:
    """The largest relative error, by norm, among those of that name."""
    return max(
        float((found[name].float() - reference[name]).norm() / reference[name].norm()) for name in reference if of(name)
    )


PARTS: dict[str, Callable[[str], bool]] = {
    "logits": lambda name: name == "logits",
    "gradients of A": lambda name: "lora_A" in name,
    "gradients of B": lambda name: "lora_B" in name,
    "gradient of the head": lambda name: "score" in name,
}


def test_it_is_as_exact_as_the_padded_engine(model: PeftModel, request: pytest.FixtureRequest) -> None:
    rows = rows_of(LENGTHS)
    exact = padded(deepcopy(model).float(), rows)
    theirs, ours = padded(model, rows), packed(model, rows, LAYOUT)
    for part, of in PARTS.items():
        padded_error, packed_error = error(theirs, exact, of), error(ours, exact, of)
        print(f"{request.node.callspec.id:<14} {part:<22} padded {padded_error:.2e}  packed {packed_error:.2e}")
        assert packed_error <= 1.05 * padded_error  # a card's own products round the same sum by 1 % more or less


def test_its_loss_is_as_exact_over_many_batches(model: PeftModel, request: pytest.FixtureRequest) -> None:
    """The error of one loss, a single number, may be small or large by chance."""
    reference, engine = deepcopy(model).float(), engine_of(model, LAYOUT, max(LENGTHS))
    errors = []
    with torch.no_grad():
        for seed in range(BATCHES):
            rows = rows_of(LENGTHS, seed)
            answers = padded_logits(reference, rows), padded_logits(model, rows), packed_logits(engine, rows)
            exact, *losses = (float(cross_entropy(logits.float(), labels)) for logits, labels in answers)
            errors.append([(loss - exact) / exact for loss in losses])
    theirs, ours = np.sqrt(np.mean(np.square(errors), axis=0))
    print(f"{request.node.callspec.id:<14} {'loss':<22} padded {theirs:.2e}  packed {ours:.2e}")
    assert ours <= SCATTER * theirs


@pytest.mark.parametrize("checkpointing", ["selective", "full"])
def test_what_is_recomputed_is_the_same_to_the_bit(model: PeftModel, checkpointing: Any) -> None:
    rows = rows_of(LENGTHS)
    kept = packed(model, rows, LAYOUT)
    recomputed = packed(model, rows, replace(LAYOUT, checkpointing=checkpointing))
    assert all(torch.equal(kept[name], recomputed[name]) for name in kept)


def test_an_embedding_on_the_host_is_the_same_to_the_bit(model: PeftModel) -> None:
    rows = rows_of(LENGTHS)
    kept = packed(model, rows, LAYOUT)
    embedding = model.get_input_embeddings()
    weight = embedding.weight
    engine = engine_of(model, replace(LAYOUT, embeds_on_host=True), max(LENGTHS))
    taken, embedding.weight = embedding.weight, weight
    assert taken.numel() == 0
    with torch.no_grad():
        assert torch.equal(packed_logits(engine, rows)[0], kept["logits"])


def test_no_example_changes_another_to_the_bit(model: PeftModel) -> None:
    rows = rows_of(LENGTHS)
    others = [
        row if number == 2 else other
        for number, (row, other) in enumerate(zip(rows, rows_of(LENGTHS, seed=1), strict=True))
    ]
    engine = engine_of(model, LAYOUT, max(LENGTHS))
    with torch.no_grad():
        one, two = (packed_logits(engine, those)[0] for those in (rows, others))
    assert torch.equal(one[2], two[2])
    assert not torch.equal(one[0], two[0])


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_nf4_weights_get_bitsandbytes_values_whatever_they_were_quantized_from(
    stored: torch.dtype, nested: bool
) -> None:
    from core.packed import ops_triton

    weight = Linear4bit(512, 256, quant_type="nf4", compress_statistics=nested).to(stored).to("cuda").weight
    assert weight.quant_state.dtype is stored
    values, expected = (torch.empty(256, 512, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    ops_triton.dequantize(weight, values)
    ops_reference.dequantize(weight, expected)
    assert torch.equal(values, expected)


@pytest.mark.parametrize("beside", [True, False])
def test_projections_side_by_side_may_be_quantized_in_part_or_be_one(beside: bool) -> None:
    from core.packed import ops_triton

    quantized = Linear4bit(512, 256, bias=False, quant_type="nf4").to(torch.bfloat16).to("cuda")
    whole = torch.nn.Linear(512, 128, bias=False, device="cuda", dtype=torch.bfloat16)
    x = torch.randn(8, 512, device="cuda", dtype=torch.bfloat16)
    for keeps in (True, False):
        modules = [quantized, whole] if beside else [quantized]
        y, _ = Projection(modules, dtype=torch.bfloat16, keeps=keeps, ops=ops_triton).forward(x, None)
        values = torch.empty(256, 512, dtype=torch.bfloat16, device="cuda")
        ops_reference.dequantize(quantized.weight, values)
        assert torch.equal(y, x @ (torch.cat([values, whole.weight]) if beside else values).T)
