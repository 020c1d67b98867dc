"""Trackers: one that is missing ends the run before anything is loaded; one that is there gets the record's figures."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_runs import Start, wait_for

from core.profile.errors import SettingError
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.train.trackers import demand, settle


def cause_before_loading(start: Start, tracker: str) -> str:
    """Why a run with this tracker ends before anything heavy is loaded."""
    folder, child = start(f'run.report_to=["{tracker}"]')
    assert child.wait() == 2
    *before, last = Tail(folder.events).read()
    assert isinstance(last, events.Failed)
    assert [type(event) for event in before] == [events.Phase]
    assert "transformers" not in folder.console_log.read_text()
    return last.cause


@pytest.mark.skipif(find_spec("trackio") is not None, reason="trackio is installed here")
def test_a_missing_tracker_ends_the_run_before_the_model_is_loaded_with_the_line_that_mends_it(start: Start) -> None:
    cause = cause_before_loading(start, "trackio")
    assert "run.report_to" in cause
    assert "pip install trackio" in cause


@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed here")
def test_without_a_login_to_wandb_the_run_ends_before_the_model_is_loaded_with_what_mends_it(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    cause = cause_before_loading(start, "wandb")
    assert "wandb login" in cause
    assert "WANDB_MODE=offline" in cause


def test_all_missing_ones_are_named_at_once() -> None:
    missing = [name for name in ("tensorboard", "wandb", "trackio") if find_spec(name) is None]
    if missing:
        with pytest.raises(SettingError, match=f"pip install {' '.join(missing)}"):
            demand(["tensorboard", "wandb", "trackio"])
    demand([])


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TENSORBOARD_LOGGING_DIR", "WANDB_PROJECT", "WANDB_DIR", "WANDB_RUN_ID", "WANDB_RESUME"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    settle(RunFolder(tmp_path / "a-run"))
    assert os.environ["WANDB_PROJECT"] == "mine"
    assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "a-run" / "tensorboard")


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed here")
def test_tensorboard_gets_the_losses_of_the_record_into_the_run_folder(start: Start) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _ = start('run.report_to=["tensorboard"]')
    wait_for(folder, events.Finished)
    found = EventAccumulator(str(folder.path / "tensorboard"))
    found.Reload()
    written = [(scalar.step, scalar.value) for scalar in found.Scalars("train/loss")]
    recorded = [(event.step, event.loss) for event in Tail(folder.events).read() if isinstance(event, events.Step)]
    assert [step for step, _ in written] == [step for step, _ in recorded]
    assert [value for _, value in written] == pytest.approx([loss for _, loss in recorded], rel=1e-6)
