"""The optimizer's groups: which parameters decay, and at which rate each learns."""

import math
from pathlib import Path

import torch
from small_models import SMALL
from transformers import BertConfig, BertForSequenceClassification

from core.engine.steps import LossWatch
from core.model.lora import add_adapters
from core.profile.load import parse_profile
from core.runs.folder import RunFolder
from core.train.arguments import training_arguments
from core.train.ranks import Ranks
from core.train.results import Scorer
from core.train.trainer import ClassifierTrainer


def groups(folder: Path, *overrides: str) -> dict[str, tuple[float, float]]:
    """Decay and learning rate of each trained parameter of a small BERT, whose layers and head have biases."""
    own = ("train.weight_decay=0.1", "lora.bias=all", "lora.freeze_layers=0", "lora.target_modules=all-linear")
    profile = parse_profile("", source="none", overrides=[*own, "train.optimizer=adamw_torch", *overrides])
    model = add_adapters(BertForSequenceClassification(BertConfig(**SMALL)), profile.lora)
    trainer = ClassifierTrainer(
        head_learning_rate=profile.train.head_learning_rate,
        watch=LossWatch(0, math.log(3)),
        before_evaluation=lambda _: None,
        ranks=Ranks(),
        scorer=Scorer(),
        collate=lambda _: {},
        at_once=2,
        model=model,
        args=training_arguments(profile, "fp32", RunFolder(folder)),
        eval_dataset=[],
    )
    optimizer = trainer.create_optimizer()
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {
        names[parameter]: (group["weight_decay"], group["lr"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def test_a_rate_of_its_own_for_the_head_changes_no_decay_and_no_other_rate(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain, own = groups(tmp_path), groups(tmp_path, "train.head_learning_rate=1e-5")
    assert {name: decay for name, (decay, _) in own.items()} == {name: decay for name, (decay, _) in plain.items()}
    assert {decay for name, (decay, _) in own.items() if name.endswith("bias")} == {0.0}
    assert {decay for name, (decay, _) in own.items() if "lora" in name} == {0.1}
    head = {name for name in own if "classifier" in name or "pooler" in name}
    assert {name for name, (_, rate) in own.items() if rate == 1e-5} == head
    assert {rate for name, (_, rate) in own.items() if name not in head} == {2e-4}
