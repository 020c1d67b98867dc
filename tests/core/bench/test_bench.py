"""The benchmark command: it runs both engines on a tiny model and says that its weights are random."""

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from packing import packed_logits, padded_logits, rows_of

from arena_tui.__main__ import main
from arena_tui.commands.machine import BENCHED
from core.bench.model import classifier_config, random_classifier
from core.bench.protocol import Size
from core.bench.sizes import SIZES
from core.packed.engine import PackedEngine
from core.packed.gate import obstacle
from core.packed.layout import Layout
from core.profile.load import parse_profile
from core.profile.settings import Profile

TINY = ["bench", "--model", "tiny", "--steps", "2", "--warmup", "1", "--batch", "4"]


@pytest.mark.slow
@pytest.mark.parametrize("more", [["--engine", "packed"], ["--engine", "padded"], ["--engine", "packed", "--scoring"]])
def test_it_counts_the_rows_own_tokens_and_says_what_ran(
    more: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lengths = np.array([9, 30, 17, 40, 8, 25], dtype=np.int32)
    np.save(tmp_path / "lengths.npy", lengths)
    assert main([*TINY, *more, "--lengths", str(tmp_path / "lengths.npy")]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["weights"] == "random"
    assert answer["engine"] == more[1]
    assert answer["task"] == ("scoring" if "--scoring" in more else "training")
    ratio = answer["tokens_per_second"] / answer["examples_per_second"]
    assert ratio == pytest.approx(answer["tokens_per_example"], rel=0.01)
    if "--scoring" in more:
        assert answer["tokens_per_example"] == pytest.approx(lengths.mean(), abs=0.06)
    assert 0 < answer["share_of_ceiling"] < 1
    assert answer["memory_predicted"] > 0
    assert answer["first_step_seconds"] > 0


def test_a_question_that_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--steps", "0"]) == 2
    assert "`int` >= 1" in capsys.readouterr().err


def test_every_model_that_can_be_asked_for_is_one_that_the_packed_engine_computes() -> None:
    assert [*get_args(Size)] == BENCHED
    assert {*SIZES} == {*BENCHED}
    for sizes in SIZES.values():
        assert obstacle(Profile(), classifier_config(sizes).to_dict(), precision="bf16", best="bf16") is None


SMALL = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 600,
}  # fmt: skip
FAMILIES = {sizes["model_type"]: sizes for sizes in SIZES.values()}


@pytest.mark.slow
@pytest.mark.parametrize("sizes", FAMILIES.values(), ids=FAMILIES)
def test_a_random_model_has_all_its_weights_and_both_engines_compute_it(sizes: dict[str, Any]) -> None:
    config = classifier_config({**sizes, **SMALL, "num_key_value_heads": 4 if sizes["model_type"] == "phi3" else 2})
    profile = parse_profile("", source="test", overrides=["lora.freeze_layers=1", "lora.target_modules=all-linear"])
    model = random_classifier(config, profile, dtype=torch.float32, device="cpu").eval()
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cpu"}
    rows = rows_of([40, 9])
    layout = Layout(keeps_weights=False, checkpointing="none", examples=2)
    with torch.no_grad():
        answers, _ = packed_logits(PackedEngine(model, dtype=torch.float32, longest=40, layout=layout), rows)
        torch.testing.assert_close(answers, padded_logits(model, rows)[0], atol=1e-4, rtol=1e-3)
    assert answers.std() > 0
