"""Training with dropout: how many rows are computed at once, and by which engine, changes nothing; the seed does."""

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from packing import CONFIGS, batch, engine_of, rows_of, set_to_work

from core.engine.steps import LossWatch
from core.model.lora import add_adapters, checkpoint_activations
from core.outcomes import A_B_TIE
from core.packed.layout import Layout
from core.packed.pack import pack
from core.profile.load import parse_profile
from core.runs.folder import RunFolder
from core.train.arguments import training_arguments
from core.train.loss import Added
from core.train.ranks import Ranks
from core.train.results import Scorer
from core.train.trainer import ClassifierTrainer

LENGTHS = [12, 30, 7, 21, 40, 3, 18, 26, 15, 9, 33]
"""Rows of 11 in steps of 8: the second step of an epoch has 3."""


class Learned(NamedTuple):
    losses: list[float]
    adapters: torch.Tensor


def train(
    folder: Path,
    *,
    is_packed: bool,
    at_once: int,
    lengths: Sequence[int] = LENGTHS,
    seed: int = 5,
    rate: float = 1e-3,
    is_paired: bool = False,
) -> Learned:
    profile = parse_profile(
        "",
        source="test",
        overrides=[
            "lora.freeze_layers=1", "lora.target_modules=all-linear", "lora.dropout=0.2", f"train.seed={seed}",
            "train.epochs=3", "train.log_steps=1", "train.per_device_batch_size=8", "train.gradient_accumulation=1",
            "train.optimizer=adamw_torch", f"train.learning_rate={rate}", "split.by=none", "train.warmup_steps=0",
        ],
    )  # fmt: skip
    kind, config = CONFIGS["gemma2"]
    torch.manual_seed(0)
    model = set_to_work(add_adapters(kind(config).requires_grad_(False), profile.lora), "gemma2")
    layout = Layout(keeps_weights=True, checkpointing="selective", examples=at_once)
    rows = rows_of(lengths)
    swapped = [
        {
            "input_ids": row["input_ids"][::-1].copy(),
            "labels": A_B_TIE.swap[row["labels"]],
            "row": len(rows) + row["row"],
        }
        for row in rows
    ]
    if not is_packed:
        checkpoint_activations(model)
    trainer = ClassifierTrainer(
        head_learning_rate=None,
        watch=LossWatch(0, math.log(3)),
        before_evaluation=lambda _: None,
        ranks=Ranks(),
        scorer=Scorer(),
        collate=pack if is_packed else batch,
        at_once=at_once,
        engine=engine_of(model, layout, max(LENGTHS)) if is_packed else None,
        model=model,
        args=training_arguments(profile, "fp32", RunFolder(folder)),
        swap="paired" if is_paired else "none",
        added=Added(swap_consistency=0.5 if is_paired else 0.0),
        train_dataset=[list(views) for views in (zip(rows, swapped, strict=True) if is_paired else zip(rows))],
    )
    trainer.args.save_strategy = "no"
    trainer.train()
    adapters = [parameter.detach().flatten() for parameter in model.parameters() if parameter.requires_grad]
    return Learned([entry["loss"] for entry in trainer.state.log_history if "loss" in entry], torch.cat(adapters))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Padded, the whole step at once."""
    return train(tmp_path_factory.mktemp("whole"), is_packed=False, at_once=8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_packed", "at_once"), [(False, 4), (False, 2), (False, 1), (True, 8), (True, 4), (True, 2), (True, 1)]
)
def test_rows_at_once_and_engine_change_neither_losses_nor_adapters(
    is_packed: bool, at_once: int, whole: Learned, tmp_path: Path
) -> None:
    found = train(tmp_path, is_packed=is_packed, at_once=at_once)
    assert len(found.losses) == 6
    assert found.losses == pytest.approx(whole.losses, abs=1e-5)
    assert float((found.adapters - whole.adapters).norm() / whole.adapters.norm()) < 1e-5


@pytest.mark.slow
def test_both_orders_of_a_row_in_a_step_are_computed_the_same_by_both_engines(tmp_path: Path) -> None:
    padded = train(tmp_path / "padded", is_packed=False, at_once=8, is_paired=True)
    packed = train(tmp_path / "packed", is_packed=True, at_once=2, is_paired=True)
    assert packed.losses == pytest.approx(padded.losses, abs=1e-5)
    assert float((packed.adapters - padded.adapters).norm() / padded.adapters.norm()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("is_packed", [False, True])
def test_each_step_and_each_seed_drops_others(is_packed: bool, tmp_path: Path) -> None:
    """All steps are of the same rows and nothing is learned, so that losses differ by what is dropped alone."""
    losses = [
        loss
        for seed in (5, 6)
        for loss in train(tmp_path, is_packed=is_packed, at_once=8, lengths=LENGTHS[:8], seed=seed, rate=1e-12).losses
    ]
    assert len(losses) == 6
    assert min(abs(one - two) for one, two in combinations(losses, 2)) > 1e-4
