"""The weights that a run keeps: those of its best evaluation, whatever came after it and whoever resumed it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import SECONDS, Start

from arena_tui.runs.follow import RunList
from core.profile.errors import ProfileError
from core.profile.load import parse_profile
from core.report.evaluation import read_evaluation
from core.runs.state import read_run
from core.train.kept import FILE, KeptWeights, Reached


def test_the_first_of_the_lowest_is_kept_and_goes_on_with_a_checkpoint(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.zeros(3))
    kept = KeptWeights({"w": weight}, ema=0.0, keeps_best=True)
    for step, log_loss in enumerate([1.2, 0.9, math.nan, 0.9, 1.0]):
        weight.data.fill_(step)
        kept.see(Reached(step, log_loss, 0.5))
    kept.save(tmp_path)
    other = torch.nn.Parameter(torch.zeros(3))
    resumed = KeptWeights({"w": other}, ema=0.0, keeps_best=True)
    resumed.load(tmp_path)
    resumed.see(Reached(5, 0.95, 0.6))
    for one, weights in ((kept, weight), (resumed, other)):
        assert one.settle() == Reached(1, 0.9, 0.5)
        assert weights.tolist() == [1.0, 1.0, 1.0]


def test_without_it_the_last_weights_stay() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    kept = KeptWeights({"w": weight}, ema=0.0, keeps_best=False)
    kept.see(Reached(1, 0.1, 1.0))
    weight.data.fill_(2.0)
    assert kept.settle() is None
    assert weight.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.slow
def test_adapter_evaluation_and_metrics_are_those_of_the_best(start: Start) -> None:
    """A rate so high that it grows worse."""
    folder, child = start(
        "train.keep=best", "eval.every=1", "train.learning_rate=0.3", "train.epochs=2", "train.save_steps=1"
    )
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    state = read_run(folder)[0]
    losses = [one.log_loss for one in state.evaluations if one.log_loss is not None]
    best = int(np.argmin(losses))
    assert losses[-1] > losses[best], "else it would be the last anyway"
    assert read_evaluation(folder).losses.mean() == pytest.approx(losses[best], abs=1e-6)
    assert state.last is not None
    assert getattr(state.last, "log_loss", None) == pytest.approx(losses[best])
    assert state.reached == state.evaluations[best], "in every list, comparison and report"
    [listed] = [run for run in RunList(folder.path.parent).read() if run.folder.id == folder.id]
    assert listed.log_loss == losses[best]
    [newest] = sorted(folder.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))[-1:]
    saved = load_file(folder.adapter / "adapter_model.safetensors")
    for name, weight in load_file(newest / FILE).items():
        assert torch.equal(weight, saved[name.replace(".default", "").replace("modules_to_save.", "")]), name


def test_a_run_that_evaluates_nothing_has_no_best() -> None:
    with pytest.raises(ProfileError, match="needs rows to evaluate"):
        parse_profile("", source="t", overrides=["train.keep=best", "split.by=none"])
    parse_profile("", source="t", overrides=["train.keep=best", "split.by=none", "data.eval=e.csv"])
