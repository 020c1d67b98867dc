"""The packed engine on a processor: it learns what the padded one learns, and no example touches another."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from bitsandbytes.nn import Params4bit
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from packing import CONFIGS, SIZES, WINDOW, WITH_WINDOWS, draws_of_rows, engine_of, packed, padded, rows_of, set_to_work
from peft import PeftModel
from transformers import BitsAndBytesConfig

from core.model.load import load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters
from core.packed.layout import Layout
from core.packed.pack import KEY_TILE, TILES, PackedBatches, pack, unpack
from core.profile import settings

LAYOUT = Layout(keeps_weights=True, checkpointing="none", examples=8)
LENGTHS = [40, 9, 1, 23, WINDOW, WINDOW + 1, 2]
EVERYWHERE = settings.Lora(freeze_layers=1, target_modules="all-linear", dropout=0.0)


@pytest.fixture(scope="module", params=CONFIGS)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    kind, config = CONFIGS[request.param]
    torch.manual_seed(0)
    return request.param, tiny.save_checkpoint(tmp_path_factory.mktemp(request.param), kind(config))


def load(family: tuple[str, Path], lora: settings.Lora = EVERYWHERE, quantization: Any = "none") -> PeftModel:
    name, folder = family
    model = settings.Model(checkpoint=str(folder), quantization=quantization)
    config = load_config(str(folder), model, max_length=64)
    base = load_classifier(str(folder), config, model, dtype=torch.float32, device="cpu", tell=untold).model
    torch.manual_seed(1)
    return set_to_work(add_adapters(base, lora), name).train()


def attention_inputs(family: str) -> list[str]:
    """The recipe's projections by the family's own names."""
    return ["qkv_proj"] if family == "phi3" else ["q_proj", "k_proj", "v_proj"]


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_it_learns_what_the_padded_engine_learns(family: tuple[str, Path], quantization: Any) -> None:
    model = load(family, quantization=quantization)
    rows = rows_of(LENGTHS)
    theirs = padded(model, rows)
    layouts = [LAYOUT, *(replace(LAYOUT, keeps_weights=False, checkpointing=c) for c in ("selective", "full"))]
    layouts.append(replace(layouts[-1], embeds_on_host=True))  # last: the embedding is taken out of the model
    for layout in layouts:
        ours = packed(model, rows, layout)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            torch.testing.assert_close(ours[name], theirs[name], atol=2e-6, rtol=2e-4, msg=partial(_named, name))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_checkpoint_that_leaves_some_projections_unquantized_is_computed_with_them(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    """As published 4-bit checkpoints do with what loses most: here one of q, k, v, and one of gate and up."""
    kind, config = CONFIGS["qwen2"]
    torch.manual_seed(0)
    whole = tiny.save_checkpoint(tmp_path / "whole", kind(config))
    skips = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        llm_int8_skip_modules=["q_proj", "up_proj", "model.layers.1.self_attn.v_proj", "model.layers.2.mlp", "score"],
    )
    stored = kind.from_pretrained(whole, quantization_config=skips, dtype=dtype)
    tiny.save_checkpoint(tmp_path / "stored", stored)
    model = load(("qwen2", tmp_path / "stored"), quantization="nf4").float()  # what is not quantized
    layers = model.get_base_model().model.layers
    assert not isinstance(layers[0].self_attn.q_proj.weight, Params4bit)
    assert isinstance(layers[1].self_attn.k_proj.get_base_layer().weight, Params4bit)
    rows = rows_of(LENGTHS)
    theirs = padded(model, rows)
    for layout in (LAYOUT, replace(LAYOUT, keeps_weights=False, checkpointing="full")):
        ours = packed(model, rows, layout)
        # bitsandbytes' backward pass rounds the weights to the type that they were quantized from, its forward not.
        for name in theirs if dtype is torch.float32 else ("logits", "loss"):
            torch.testing.assert_close(ours[name], theirs[name], atol=2e-6, rtol=2e-4, msg=partial(_named, name))


def _named(name: str, message: str) -> str:
    return f"{name}: {message}"


def test_the_recipes_adapters_get_the_same_gradients_and_no_frozen_weight_gets_any(family: tuple[str, Path]) -> None:
    model = load(family, settings.Lora(freeze_layers=2, dropout=0.0, target_modules=attention_inputs(family[0])))
    rows = rows_of(LENGTHS)
    theirs, ours = padded(model, rows), packed(model, rows, LAYOUT)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {"logits", "loss", *trained} == set(ours)
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-6, rtol=2e-4)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "k_proj", "v_proj"]])
def test_of_a_model_that_reads_images_the_language_model_alone_is_adapted(targets: Any) -> None:
    """Its part for images has layers with a q_proj of their own."""
    kind, config = CONFIGS["gemma3-with-images"]
    model = add_adapters(kind(config), settings.Lora(freeze_layers=0, target_modules=targets))
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    adapted = [name for name in trained if "lora_A" in name]
    assert len(adapted) == SIZES["num_hidden_layers"] * (7 if targets == "all-linear" else 3)
    assert all(".language_model.layers." in name or ".score." in name for name in trained)


def test_no_example_changes_anothers_logits_to_the_bit(family: tuple[str, Path]) -> None:
    model = load(family)
    engine = engine_of(model, LAYOUT, max(LENGTHS))
    rows, strangers = rows_of(LENGTHS), rows_of(LENGTHS, seed=1)
    with torch.no_grad():
        before = engine(**pack(rows)).logits
        for kept in range(len(rows)):
            beside = [row if number == kept else strangers[number] for number, row in enumerate(rows)]
            after = engine(**pack(beside)).logits
            assert torch.equal(after[kept], before[kept])
            assert not torch.equal(after[kept - 1], before[kept - 1])


def test_an_examples_gradient_does_not_depend_on_its_neighbours(family: tuple[str, Path]) -> None:
    model = load(family)
    rows = rows_of([17, 30, 5])
    alone = packed(model, rows[1:2], LAYOUT)
    engine = engine_of(model, LAYOUT, 30)
    model.zero_grad()
    logits = engine(**pack(rows)).logits
    torch.nn.functional.cross_entropy(logits[1:2], torch.tensor([1])).backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, alone[name], atol=2e-6, rtol=2e-4, msg=partial(_named, name))


def test_a_row_beyond_the_window_is_seen_through_it(family: tuple[str, Path]) -> None:
    """The first token of a long row reaches its logits through windows only where some layer has none."""
    model = load(family)
    row = rows_of([3 * WINDOW])
    changed = [{**row[0], "input_ids": np.concatenate([[5], row[0]["input_ids"][1:]])}]
    engine = engine_of(model, LAYOUT, 3 * WINDOW)
    windows = [layer.attention.window for layer in engine.layers]
    assert set(windows) <= {0, WINDOW}
    assert (WINDOW in windows) == (family[0] in WITH_WINDOWS)
    with torch.no_grad():
        assert not torch.equal(engine(**pack(row)).logits, engine(**pack(changed)).logits)


def test_with_dropout_the_backward_pass_drops_what_the_forward_pass_dropped(family: tuple[str, Path]) -> None:
    model = load(family, settings.Lora(freeze_layers=1, dropout=0.3, target_modules=attention_inputs(family[0])))
    rows = rows_of([20, 12])
    engine = engine_of(model, LAYOUT, 20)
    inputs = pack(rows)
    labels, draws = inputs.pop("labels"), draws_of_rows(rows)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(engine(**inputs, draws=draws).logits, labels)

    loss().backward()
    direction = [torch.randn_like(parameter) for parameter in trained]
    slope = sum(float((parameter.grad * d).sum()) for parameter, d in zip(trained, direction, strict=True))
    with torch.no_grad():
        losses = []
        for sign in (1, -2):
            for parameter, d in zip(trained, direction, strict=True):
                parameter += sign * 2e-4 * d
            losses.append(float(loss()))
    assert (losses[0] - losses[1]) / 4e-4 == pytest.approx(slope, rel=0.02)
    draws = draws_of_rows(rows, step=1)
    assert float(loss().detach()) != losses[1]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_a_pack_holds_each_example_once_and_no_tile_crosses_two(lengths: list[int]) -> None:
    rows = rows_of(lengths)
    made = pack(rows)
    held = unpack(made)
    assert next(iter(made)) == "labels"
    assert len(made["labels"]) == len(lengths)
    bounds = held.bounds.tolist()
    for number, row in enumerate(rows):
        part = slice(bounds[number], bounds[number + 1])
        assert np.array_equal(made["input_ids"][part], row["input_ids"])
        assert held.positions[part].tolist() == list(range(lengths[number]))
        assert held.last[number] == part.stop - 1
    spans = {*pairwise(bounds)}
    for size, tiles in (*held.tiles.items(), (KEY_TILE, held.key_tiles)):
        assert {(begin, end) for _, begin, end in tiles.tolist()} == spans
        covered = sorted(t for first, _, end in tiles.tolist() for t in range(first, min(first + size, end)))
        assert covered == list(range(sum(lengths)))
    assert set(held.tiles) == set(TILES)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=40), st.integers(100, 400))
def test_scoring_takes_all_rows_in_order_and_never_more_tokens_than_allowed(lengths: list[int], tokens: int) -> None:
    batches = list(PackedBatches(lengths, tokens))
    assert [row for batch in batches for row in batch] == list(range(len(lengths)))
    assert max(sum(lengths[row] for row in batch) for batch in batches) <= tokens
