"""Both engines drop the same of an example, however examples are joined; the kernels do as the reference does."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from msgspec.structs import replace
from packing import CONFIGS, Learned, draws_of_rows, engine_of, packed, padded, rows_of, set_to_work
from peft import PeftModel

from core.model.dropout import column_keys, token_keys
from core.model.load import load_classifier, load_config
from core.model.loading import untold
from core.model.lora import add_adapters, checkpoint_activations
from core.packed import ops_reference
from core.packed.layout import Layout
from core.packed.ops import Dropout
from core.packed.pack import pack
from core.profile import settings

LAYOUT = Layout(keeps_weights=True, checkpointing="none", examples=8)
LENGTHS = [40, 9, 1, 23, 16, 17, 2, 31]


@pytest.fixture(scope="module", params=CONFIGS)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    kind, config = CONFIGS[request.param]
    torch.manual_seed(0)
    return request.param, tiny.save_checkpoint(tmp_path_factory.mktemp(request.param), kind(config))


def load(family: tuple[str, Path], targets: Any = "all-linear") -> PeftModel:
    name, folder = family
    model = settings.Model(checkpoint=str(folder), quantization="none")
    config = load_config(str(folder), model, max_length=64)
    base = load_classifier(str(folder), config, model, dtype=torch.float32, device="cpu", tell=untold).model
    torch.manual_seed(1)
    lora = settings.Lora(freeze_layers=1, target_modules=targets, dropout=0.3)
    return set_to_work(add_adapters(base, lora), name).train()


def assert_equal(one: Learned, two: Learned) -> None:
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=2e-6, rtol=2e-4, msg=partial("{}: {}".format, name))


def test_packed_and_padded_drop_the_same(family: tuple[str, Path]) -> None:
    model = load(family)
    rows = rows_of(LENGTHS)
    theirs = padded(model, rows)
    for checkpointing in ("none", "selective", "full"):
        assert_equal(packed(model, rows, replace(LAYOUT, checkpointing=checkpointing)), theirs)
    others = [{**row, "row": row["row"] + 8} for row in rows]
    assert not torch.equal(packed(model, others, LAYOUT)["loss"], theirs["loss"])
    assert not torch.equal(padded(model, others)["loss"], theirs["loss"])
    if model.get_base_model().supports_gradient_checkpointing:
        checkpoint_activations(model)
        assert_equal(padded(model, rows), theirs)


def test_projections_that_stand_alone_are_dropped_as_the_padded_engine_drops_them(tmp_path: Path) -> None:
    """The adapters of a joined projection need not follow one another in the model."""
    kind, config = CONFIGS["gemma2"]
    model = load(("gemma2", tiny.save_checkpoint(tmp_path, kind(config))), ["q_proj", "v_proj", "down_proj"])
    rows = rows_of(LENGTHS)
    assert_equal(packed(model, rows, LAYOUT), padded(model, rows))


@pytest.mark.parametrize("learn", [padded, partial(packed, layout=LAYOUT)], ids=["padded", "packed"])
@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_what_shares_a_batch_changes_nothing(learn: Any, at_once: int, tmp_path: Path) -> None:
    kind, config = CONFIGS["gemma2"]
    torch.manual_seed(0)
    model = load(("gemma2", tiny.save_checkpoint(tmp_path, kind(config))))
    rows = rows_of(LENGTHS)
    whole = learn(model, rows)
    order = rows[::-1]
    parts = [learn(model, order[first : first + at_once]) for first in range(0, 8, at_once)]
    mean = {name: torch.stack([part[name] for part in parts]).mean(0) for name in whole if name != "logits"}
    assert_equal({**mean, "logits": torch.cat([part["logits"] for part in parts]).flip(0)}, whole)


def test_dropout_without_draws_is_refused_and_answering_drops_nothing(tmp_path: Path) -> None:
    kind, config = CONFIGS["llama"]
    model = load(("llama", tiny.save_checkpoint(tmp_path, kind(config))))
    engine, inputs = engine_of(model, LAYOUT, 40), pack(rows_of(LENGTHS))
    inputs.pop("labels")
    with pytest.raises(RuntimeError, match="drawn by"):
        engine(**inputs)
    model.eval()
    draws = draws_of_rows(rows_of(LENGTHS))
    assert torch.equal(engine(**inputs).logits, engine(**inputs, draws=draws).logits)


def random_dropout(tokens: int, width: int, device: str) -> Dropout:
    keys = token_keys(torch.randint(2**62, (tokens,)), torch.arange(tokens))
    columns = torch.stack([column_keys(adapter, width, keys.device) for adapter in (5, 0, 70)])
    return Dropout(0.3, columns.to(device), keys.to(device))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
@pytest.mark.parametrize("width", [2304, 200])
def test_the_kernels_drop_what_the_reference_drops(width: int) -> None:
    from core.packed import ops_triton

    torch.manual_seed(0)
    tokens, rank = 333, 16
    dropout = random_dropout(tokens, width, "cuda")

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device="cuda").bfloat16()

    ones = torch.ones(tokens, width, dtype=torch.bfloat16, device="cuda")
    for first in (0, 64, width - rank):  # A that takes some columns as they are
        lora_a = torch.zeros(rank, width, dtype=torch.bfloat16, device="cuda")
        lora_a[torch.arange(rank), first + torch.arange(rank)] = 1
        lora_a = lora_a.repeat(3, 1)
        one, two = (ops.dropout_lora_a(ones, lora_a, rank, dropout) for ops in (ops_triton, ops_reference))
        assert torch.equal(one == 0, two == 0)

    x, lora_a, d_x_a, d_x = random(tokens, width), random(3 * rank, width), random(tokens, 3 * rank), ones
    answers = [
        (
            ops.dropout_lora_a(x.to(dtype), lora_a.to(dtype), rank, dropout),
            ops.dropout_lora_a_backward_a(x.to(dtype), d_x_a.to(dtype), rank, dropout),
            ops.dropout_lora_a_backward_x(d_x.to(dtype, copy=True), d_x_a.to(dtype), lora_a.to(dtype), rank, dropout),
        )
        for ops, dtype in ((ops_triton, torch.bfloat16), (ops_reference, torch.float32))
    ]
    for found, exact in zip(*answers, strict=True):
        assert float((found.float() - exact).norm() / exact.norm()) < 0.01
