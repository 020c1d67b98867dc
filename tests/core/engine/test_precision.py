"""Precisions on a processor: bf16 learns what fp32 learns, fp16 is refused before anything is loaded."""

from pathlib import Path

import numpy as np
import pytest
from tiny_runs import SECONDS, Start, copy_of

from core.engine.choose import NOT_ON_A_PROCESSOR, choose_precision, demand_computable
from core.machine.gpus import best_precision
from core.predict.errors import PredictionError
from core.predict.model import load_model
from core.predict.request import Request, choose_members
from core.profile.load import parse_profile, to_toml
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.runs.state import read_run

pytestmark = pytest.mark.xdist_group("finished run")


def test_fp16_on_a_processor_is_refused_before_anything_is_loaded(start: Start) -> None:
    folder, child = start("train.precision=fp16")
    assert child.wait(SECONDS) == 2
    *before, failed = Tail(folder.events).read()
    assert {type(event) for event in before} == {events.Phase}
    assert isinstance(failed, events.Failed)
    assert failed.cause == f"train.precision = 'fp16': {NOT_ON_A_PROCESSOR}"
    assert "Change this setting" in failed.advice


def test_a_run_of_fp16_is_not_predicted_on_a_processor(
    finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    half = copy_of(finished, tmp_path / "half")
    profile = parse_profile(half.resolved.read_text(), source="half", overrides=["train.precision=fp16"])
    half.resolved.write_text(to_toml(profile))
    with pytest.raises(PredictionError) as refused:
        load_model(Request(members=choose_members([half]), test="demo"), 0, on_card=False)
    assert refused.value.cause == f"train.precision = 'fp16': {NOT_ON_A_PROCESSOR}"
    assert refused.value.advice == "Predict with this run where there is a card."


def test_auto_is_bf16_from_ampere_on_fp16_before_and_fp32_without_a_card() -> None:
    assert [best_precision(major) for major in (9, 8, 7, None)] == ["bf16", "bf16", "fp16", "fp32"]


def test_a_card_of_any_age_computes_in_fp16() -> None:
    for best in ("fp16", "bf16"):
        demand_computable(choose_precision("fp16", best), best)
        assert choose_precision("auto", best) == best
    demand_computable(choose_precision("auto", "fp32"), "fp32")


def test_bf16_on_a_processor_learns_what_fp32_learns_within_its_rounding(start: Start, finished: RunFolder) -> None:
    """It has 8 bits of mantissa; an error of a hundredth in a loss near 1.1 is a few of its steps."""
    folder, child = start("train.save_steps=3", "train.precision=bf16")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    one, two = read_run(finished)[0], read_run(folder)[0]
    assert two.started
    assert two.started.precision == "bf16"
    assert [step.step for step in one.steps] == [step.step for step in two.steps]
    np.testing.assert_allclose([s.loss for s in one.steps], [s.loss for s in two.steps], atol=0.01)
    np.testing.assert_allclose([s.grad_norm for s in one.steps], [s.grad_norm for s in two.steps], rtol=0.02)
    assert one.evaluations[-1].log_loss == pytest.approx(two.evaluations[-1].log_loss, abs=0.01)
