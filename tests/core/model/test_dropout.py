"""Dropout of the padded engine: a function of the example, its adapter and the place, and invisible to PEFT."""

from pathlib import Path

import families
import pytest
import torch
from peft import PeftModel
from torch import nn

from core.engine.draws import draw_keys
from core.model import dropout
from core.model.dropout import Draws, ExampleDropout, column_keys, draws_of, kept, token_keys
from core.model.load import load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters, checkpoint_activations
from core.model.tokenizer import load_tokenizer
from core.profile.settings import Lora, Model

LENGTHS = [40, 9, 23]
EVERYWHERE = Lora(freeze_layers=0, target_modules="all-linear", dropout=0.3)


def load(family: str, folder: Path, lora: Lora = EVERYWHERE) -> PeftModel:
    """Adapters and head at work; without the dropout that is the base's own."""
    settings = Model(checkpoint=str(families.save_checkpoint(family, folder)), quantization="none")
    config = load_config(str(folder), settings, max_length=64)
    for name, value in config.to_dict().items():
        if "drop" in name and isinstance(value, float):
            setattr(config, name, 0.0)
    load_tokenizer(folder, config)
    base = load_classifier(str(folder), config, settings, dtype=torch.float32, device="cpu", tell=untold).model
    model = add_adapters(base, lora).train()
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.1)
    return model


def masks(keys: torch.Tensor, adapter: int = 3, rate: float = 0.2, width: int = 64) -> torch.Tensor:
    return kept(keys.flatten(), column_keys(adapter, width, keys.device), rate)


def learned(model: PeftModel, rows: list[int], *, left: bool = False) -> dict[str, torch.Tensor]:
    """Logits and gradients of the sum of the losses of some of three rows, padded on either side."""
    longest = max(LENGTHS[row] for row in rows)
    ids = torch.full((len(rows), longest), model.get_base_model().config.get_text_config().pad_token_id)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        length = LENGTHS[row]
        place = slice(longest - length, None) if left else slice(length)
        ids[number, place] = torch.randint(4, 500, (length,), generator=torch.Generator().manual_seed(row))
        mask[number, place] = 1
    model.zero_grad()
    with draws_of(model).of(torch.from_numpy(draw_keys(0, 0, rows)), mask):
        logits = model(input_ids=ids, attention_mask=mask).logits
        nn.functional.cross_entropy(logits, torch.tensor(rows), reduction="sum").backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {"logits": logits.detach(), **gradients}


@pytest.mark.parametrize("family", ["albert", "bert", "gpt-2", "mixtral", "modernbert", "opt"])
def test_what_shares_a_batch_changes_nothing_nor_does_computing_again(family: str, tmp_path: Path) -> None:
    model = load(family, tmp_path)
    together = learned(model, [2, 0, 1])
    one, two, three = (learned(model, [row]) for row in range(3))
    torch.testing.assert_close(together["logits"], torch.cat([three["logits"], one["logits"], two["logits"]]))
    for name in set(one) - {"logits"}:
        torch.testing.assert_close(together[name], one[name] + two[name] + three[name], atol=2e-5, rtol=1e-4)
    if model.get_base_model().supports_gradient_checkpointing:
        checkpoint_activations(model)
        again = learned(model, [2, 0, 1])
        assert all(torch.equal(again[name], together[name]) for name in together)


def test_rows_padded_on_the_left_are_dropped_as_those_padded_on_the_right(tmp_path: Path) -> None:
    model = load("llama-3", tmp_path)
    right, left = learned(model, [0, 1, 2]), learned(model, [0, 1, 2], left=True)
    for name in right:
        torch.testing.assert_close(left[name], right[name], atol=2e-5, rtol=1e-4)


def test_deberta_whose_relative_positions_belong_to_no_example_trains(tmp_path: Path) -> None:
    found = learned(load("deberta-v2", tmp_path), [0, 1])
    assert all(value.isfinite().all() for value in found.values())


def test_examples_positions_adapters_and_inputs_are_dropped_independently_at_the_rate() -> None:
    draws = torch.from_numpy(draw_keys(1, 2, range(50)))
    keys = token_keys(draws[:, None], torch.arange(40))
    assert len(keys.unique()) == 2000
    for rate in (0.05, 0.5):
        one, two = masks(keys, 3, rate), masks(keys, 4, rate)
        by_example = one.unflatten(0, (50, 40))
        pairs = [
            (one, two),
            (by_example[1:], by_example[:-1]),
            (by_example[:, 1:], by_example[:, :-1]),
            (one[:, 1:], one[:, :-1]),
        ]
        for left, right in pairs:
            assert float((~left).float().mean()) == pytest.approx(rate, abs=0.006)
            assert float((~left & ~right).float().mean()) == pytest.approx(rate**2, abs=0.006)
        for share in ((~one).float().mean(0), (~by_example).float().mean((1, 2))):  # of each input, of each example
            assert float((share - rate).abs().max()) < 5 * (rate / 2000) ** 0.5


def test_a_mask_made_in_slices_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = token_keys(torch.tensor(7), torch.arange(100))
    whole = masks(keys)
    monkeypatch.setattr(dropout, "ELEMENTS", 64 * 9)
    assert torch.equal(masks(keys), whole)


def test_what_is_kept_is_scaled_forward_and_backward_and_without_draws_nothing_is_computed() -> None:
    draws = Draws()
    module = ExampleDropout(0.25, 1, draws)
    x = torch.randn(2, 30, 64, requires_grad=True)
    with pytest.raises(RuntimeError, match="drawn by"):
        module(x)
    with draws.of(torch.tensor([5, 6]), torch.ones(2, 30, dtype=torch.long)):
        y, flat = module(x), module(x.flatten(0, 1))
    assert torch.equal(flat, y.flatten(0, 1))
    y.sum().backward()
    is_kept = y != 0
    torch.testing.assert_close(y[is_kept], x[is_kept] / 0.75)
    torch.testing.assert_close(x.grad, is_kept / 0.75)
    with pytest.raises(RuntimeError, match="drawn by"):
        module(x)
    assert module.eval()(x) is x


def test_peft_loads_what_is_saved_and_finds_its_own_dropout(tmp_path: Path) -> None:
    model = load("gemma-2", tmp_path / "base").eval()
    assert not [name for name in model.state_dict() if "dropout" in name]
    model.save_pretrained(tmp_path / "adapter")
    base = model.get_base_model()
    ids = torch.randint(4, 500, (2, 12))
    answers = model(input_ids=ids).logits
    again = PeftModel.from_pretrained(type(base).from_pretrained(tmp_path / "base", num_labels=3), tmp_path / "adapter")
    torch.testing.assert_close(again(input_ids=ids).logits, answers)
    dropouts = [module for name, module in again.named_modules() if name.endswith("lora_dropout.default")]
    assert {type(one) for one in dropouts} == {nn.Dropout}
    assert {one.p for one in dropouts} == {0.3}


def test_without_dropout_nobody_asks_for_draws(tmp_path: Path) -> None:
    model = load("qwen-2", tmp_path, Lora(freeze_layers=0, dropout=0.0))
    assert not [module for module in model.modules() if isinstance(module, ExampleDropout)]
    assert learned(model, [0, 1])["logits"].isfinite().all()
