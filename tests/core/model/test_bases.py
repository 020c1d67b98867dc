"""Bases that cannot be what a run needs, each refused in words: lengths, tokens, weights."""

import json
import math
from pathlib import Path
from typing import Any

import families
import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForMaskedLM, MambaConfig, PreTrainedTokenizerFast

from core.data.example import DataError, Example
from core.data.tokens import Encoded
from core.model.load import load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters, checkpoint_activations
from core.model.probe import demand_sound
from core.model.tokenizer import load_tokenizer
from core.profile.errors import SettingError
from core.profile.settings import Lora, Model

EXAMPLE = Example(index=0, id=41, prompt=("",), response_a=("",), response_b=("",), label=0)


def row(*ids: int) -> Encoded:
    return Encoded(EXAMPLE, np.array(ids, dtype=np.int32), len(ids), (0, 0, 0), (0, 0, 0))


def try_out(
    folder: Path,
    rows: list[Encoded],
    quantization: Any = "none",
    spoil: Any = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    model = Model(checkpoint=str(folder), quantization=quantization)
    config = load_config(str(folder), model, max_length=64)
    load_tokenizer(folder, config)
    base = load_classifier(str(folder), config, model, dtype=torch.float32, device="cpu", tell=untold).model
    if spoil:
        spoil(base)
    adapted = add_adapters(base, Lora(freeze_layers=0, target_modules="all-linear"))
    demand_sound(adapted, rows, dtype=dtype, checkpoint="base")


LIMITS = {"gemma-2": 128, "bert": 128, "gpt-2": 128, "opt": 128, "roberta": 124}


@pytest.mark.parametrize("family", LIMITS)
def test_a_model_reads_as_many_tokens_as_are_said_and_no_more(family: str, tmp_path: Path) -> None:
    """RoBERTa declares 128 and reads 124: its first position stands behind its padding's, number 3."""
    families.save_checkpoint(family, tmp_path)
    limit = LIMITS[family]
    with pytest.raises(SettingError, match=f"tokens.max_length = {limit + 1}: .* reads at most {limit} tokens"):
        load_config(str(tmp_path), Model(checkpoint=str(tmp_path)), max_length=limit + 1)
    config = load_config(str(tmp_path), Model(checkpoint=str(tmp_path), quantization="none"), max_length=limit)
    load_tokenizer(tmp_path, config)
    model = Model(checkpoint=str(tmp_path), quantization="none")
    base = load_classifier(str(tmp_path), config, model, dtype=torch.float32, device="cpu", tell=untold).model
    with torch.no_grad():
        assert base(input_ids=torch.full((1, limit), 40)).logits.isfinite().all()


def test_a_model_that_knows_distances_only_reads_any_length(tmp_path: Path) -> None:
    families.save_checkpoint("deberta-v2", tmp_path)
    load_config(str(tmp_path), Model(checkpoint=str(tmp_path)), max_length=2048)
    config = AutoConfig.from_pretrained(tmp_path, position_biased_input=True)
    AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(SettingError, match="reads at most 128 tokens"):
        load_config(str(tmp_path), Model(checkpoint=str(tmp_path)), max_length=2048)


@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_damaged_weights_are_found_in_every_quantization(quantization: str, tmp_path: Path) -> None:
    families.save_checkpoint("gemma-2", tmp_path)

    def spoil(base: Any) -> None:
        with torch.no_grad():
            base.model.norm.weight[3] = math.nan

    try_out(tmp_path, [row(2, 40, 41, 1), row(2, 50, 1)], quantization)
    with pytest.raises(SettingError, match=r"not all finite numbers: model.norm.weight; the file is damaged"):
        try_out(tmp_path, [row(2, 40, 41, 1), row(2, 50, 1)], quantization, spoil)


def test_outliers_in_the_row_beside_are_not_taken_for_padding_that_is_read(tmp_path: Path) -> None:
    """8-bit products treat their columns otherwise, for all rows of a batch: logits moved by 2 % here."""
    families.save_checkpoint("gemma-2", tmp_path)

    def stretch(base: Any) -> None:
        with torch.no_grad():
            for layer in base.model.layers:
                layer.input_layernorm.weight[::9] = layer.pre_feedforward_layernorm.weight[::9] = 2.2

    try_out(tmp_path, [row(2, *range(40, 70), 1), row(2, *range(80, 140), 1)], "int8", stretch)


@pytest.mark.parametrize("of_padding", [False, True])
def test_rounding_in_16_bit_is_not_taken_for_padding_that_is_read(of_padding: bool, tmp_path: Path) -> None:
    """Logits move by a seventh beside another row, as a card's other products did it to a new head of Gemma-3 270M."""
    families.save_checkpoint("gemma-2", tmp_path)
    is_moved = [False]

    def move(base: Any) -> None:
        def look(_: Any, __: Any, given: dict[str, Any]) -> None:
            mask = given["attention_mask"]
            is_moved[0] = not mask.all() if of_padding else len(mask) > 1

        base.register_forward_pre_hook(look, with_kwargs=True)
        base.model.norm.register_forward_hook(lambda _, __, hidden: hidden * 1.2 if is_moved[0] else None)

    rows = [row(2, *range(40, 70), 1), row(2, *range(80, 140), 1)]
    if not of_padding:
        try_out(tmp_path, rows, spoil=move, dtype=torch.bfloat16)
        return
    with pytest.raises(SettingError, match="depends on the padding of a row"):
        try_out(tmp_path, rows, spoil=move, dtype=torch.bfloat16)


def test_an_error_of_memory_is_not_taken_for_one_of_the_model(tmp_path: Path) -> None:
    families.save_checkpoint("gemma-2", tmp_path)

    def starve(base: Any) -> None:
        def refuse(*_: Any) -> None:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

        base.model.layers[1].register_forward_pre_hook(refuse)

    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        try_out(tmp_path, [row(2, 40, 41, 1), row(2, 50, 1)], spoil=starve)


def test_a_token_that_the_model_does_not_know_is_told_with_its_row(tmp_path: Path) -> None:
    families.save_checkpoint("gemma-3", tmp_path)
    with pytest.raises(DataError, match=r"id 41: holds token 600, .* with 600 tokens, does not; leave the row out"):
        try_out(tmp_path, [row(2, 40, 1), row(2, 600, 1)])


def test_a_tokenizer_that_ends_no_text_is_refused(tmp_path: Path) -> None:
    families.save_checkpoint("qwen-2", tmp_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(SettingError, match="names neither eos_token nor sep_token"):
        load_tokenizer(tmp_path, AutoConfig.from_pretrained(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(set(families.MODELS) - {"t5", "xlnet"}))
def test_padding_never_ends_an_input_and_is_saved_with_what_frames_a_text(family: str, tmp_path: Path) -> None:
    families.save_checkpoint(family, tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path, config)
    plain = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = PreTrainedTokenizerFast.from_pretrained(tmp_path / "saved")
    assert config.get_text_config().pad_token_id == saved.pad_token_id
    text = "It's rain,  not <snow> ÿ 🤷🏽"
    inside = plain(text, add_special_tokens=False).input_ids
    together = saved([text, f"{text} {text}"], padding=True)
    length = len(plain(f"{text} {text}", add_special_tokens=False).input_ids) - len(inside)
    framed, padding = together.input_ids[0][:-length], together.input_ids[0][-length:]
    assert padding == [saved.pad_token_id] * length
    assert together.attention_mask[0] == [1] * len(framed) + [0] * length
    assert framed[-1] not in (saved.pad_token_id, inside[-1])
    assert framed[-1 - len(inside) : -1] == inside


def test_a_family_that_recomputes_nothing_says_so(tmp_path: Path) -> None:
    families.save_checkpoint("albert", tmp_path)
    model = Model(checkpoint=str(tmp_path), quantization="none")
    config = load_config(str(tmp_path), model, max_length=64)
    base = load_classifier(str(tmp_path), config, model, dtype=torch.float32, device="cpu", tell=untold).model
    adapted = add_adapters(base, Lora(freeze_layers=0, target_modules="all-linear"))
    with pytest.raises(SettingError, match=r"train.gradient_checkpointing = True: albert cannot recompute activations"):
        checkpoint_activations(adapted)


def test_a_model_without_attention_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    MambaConfig(hidden_size=64, num_hidden_layers=2, vocab_size=600).save_pretrained(tmp_path)
    with pytest.raises(SettingError, match="transformers has no text model for mamba"):
        load_config(str(tmp_path), Model(checkpoint=str(tmp_path)), max_length=64)


def test_a_config_that_asks_for_tuples_is_not_followed(tmp_path: Path) -> None:
    families.save_checkpoint("qwen-2", tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(stored | {"return_dict": False}))
    try_out(tmp_path, [row(40, 41, 1), row(50, 1)])
