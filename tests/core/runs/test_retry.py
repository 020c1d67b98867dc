"""A failed run is tried again with what its record proposes: real children that run out of memory, and the commands."""

import sys
from pathlib import Path

import pytest
import torch
from command_line import arena_tui
from msgspec.structs import replace
from places import SUPPORT
from tiny_runs import SECONDS, Start

from core.failures.explain import Situation, explain
from core.failures.explanation import Explanation
from core.profile.files import rooted
from core.profile.load import Change, parse_profile
from core.runs import events
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.process import LaunchError, launch
from core.runs.protocol import RESUME, TRAIN
from core.runs.record import Record, Tail
from core.runs.resume import CannotRetry, prepare, prepare_retry
from core.runs.state import Status, read_run

pytestmark = pytest.mark.xdist_group("finished run")


def short_of_memory(scenario: str, rows: int) -> tuple[str, ...]:
    return (sys.executable, "-P", str(SUPPORT / "failing_engine.py"), scenario, str(rows))


def failed(folder: RunFolder) -> events.Failed:
    state, status = read_run(folder)
    assert status is Status.FAILED
    assert isinstance(state.last, events.Failed)
    return state.last


def test_out_of_memory_proposes_half_the_batch_and_the_new_run_keeps_comments_overrides_and_the_global_batch(
    start: Start, tmp_path: Path
) -> None:
    folder, child = start("train.seed=7", program=short_of_memory("training", 2))
    assert child.wait(SECONDS) == 1
    folder.profile.write_text("# mine, and it stays\n" + folder.profile.read_text())
    why = failed(folder)
    assert "GPU memory ran out: CUDA out of memory" in why.cause
    assert "the same global batch" in why.advice
    assert why.changes == [
        Change("train.per_device_batch_size", 4, 2),
        Change("train.gradient_accumulation", 2, 4),
    ]

    retry = prepare_retry(folder)
    assert not retry.goes_on
    assert retry.text.startswith("# mine, and it stays\n")
    settings = rooted(parse_profile(retry.text, source="text"), Path.cwd())
    assert settings == retry.profile
    assert settings.train.seed == 7, "what an override had set is part of the text now"
    assert settings.global_batch == 8

    told = arena_tui("retry", folder.id, "--runs-dir", str(tmp_path / "runs"), cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(
        "train.per_device_batch_size = 2 (it was 4)\ntrain.gradient_accumulation = 4 (it was 2)"
    )
    assert "finished: " in told.stdout
    new, old = list_runs(tmp_path / "runs")
    assert (old.path, new.name) == (folder.path, folder.name)
    text = new.profile.read_text()
    assert text.startswith("# mine, and it stays\n")
    assert rooted(parse_profile(text, source="text"), tmp_path) == retry.profile, "it was tried again from elsewhere"


def test_late_out_of_memory_goes_on_from_the_checkpoint_in_the_steps_of_a_run_never_changed(
    start: Start, finished: RunFolder
) -> None:
    """Steps 1 to 4 as 4 x 2, 4 to 6 as 2 x 4, logged and saved by other settings from then on."""
    folder, child = start("train.save_steps=3", program=short_of_memory("late", 8))
    assert child.wait(SECONDS) == 1
    assert failed(folder).kept == "checkpoints/checkpoint-3"
    retry = prepare_retry(folder, ["train.log_steps=2", "train.save_steps=4"])
    assert retry.goes_on
    assert not prepare_retry(folder, ["data.train=other.csv"]).goes_on, "other rows are another run"

    prepare(folder, tuple(change.override for change in retry.changes))
    assert launch(folder, (*TRAIN, RESUME)).wait(SECONDS) == 0, folder.console_log.read_text()
    state = read_run(folder)[0]
    whole, tried = {step.step: step for step in read_run(finished)[0].steps}, {step.step: step for step in state.steps}
    assert list(tried) == [1, 2, 3, 4, 6]
    assert tried[4].loss == pytest.approx(whole[4].loss, rel=1e-5)
    assert tried[6].loss == pytest.approx((whole[5].loss + whole[6].loss) / 2, rel=1e-5)
    for step in (4, 6):
        assert tried[step].tokens == whole[step].tokens
        assert tried[step].learning_rate == whole[step].learning_rate
        assert tried[step].grad_norm == pytest.approx(whole[step].grad_norm, rel=1e-4)
    assert state.evaluations[-1].log_loss == pytest.approx(read_run(finished)[0].evaluations[-1].log_loss, rel=1e-5)
    saved = [event.step for event in Tail(folder.events).read() if isinstance(event, events.Checkpoint)]
    assert saved == [3, 4, 6]


def test_with_single_rows_it_comes_to_checkpointing_and_after_that_to_shorter_rows_which_is_said(
    finished: RunFolder,
) -> None:
    single = ("train.per_device_batch_size=1", "train.gradient_accumulation=8", "tokens.max_length=1024")
    state = replace(read_run(finished)[0], last=None)

    def proposed(*overrides: str) -> Explanation:
        profile = parse_profile("", source="none", overrides=[*single, *overrides])
        return explain(torch.OutOfMemoryError("CUDA out of memory."), Situation(profile, state))

    why = proposed("train.gradient_checkpointing=false")
    assert [change for change in why.changes if change.key.startswith("t")] == [
        Change("train.gradient_checkpointing", False, True)
    ]
    why = proposed()
    assert [change for change in why.changes if change.key.startswith("t")] == [Change("tokens.max_length", 1024, 768)]
    assert "it changes what is trained" in why.advice


def test_out_of_memory_in_the_evaluation_goes_on_from_the_last_step_with_half_the_evaluation_batch(
    start: Start, tmp_path: Path
) -> None:
    folder, child = start(program=short_of_memory("evaluation", 2))
    assert child.wait(SECONDS) == 1
    why = failed(folder)
    assert "ran out while evaluating" in why.advice
    assert why.changes == [Change("eval.per_device_batch_size", 4, 2)]
    assert why.kept == "checkpoints/checkpoint-6"
    assert prepare_retry(folder).goes_on

    told = arena_tui("retry", "last", "--runs-dir", str(tmp_path / "runs"), cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "resumed from checkpoints/checkpoint-6" in told.stdout
    assert [run.path for run in list_runs(tmp_path / "runs")] == [folder.path]
    assert read_run(folder)[1] is Status.FINISHED


def test_without_a_proposal_it_says_what_to_do_instead(tmp_path: Path) -> None:
    profile = parse_profile("", source="none")
    folder = create_run(tmp_path / "runs", profile, text="", name="x")
    with pytest.raises(LaunchError):
        launch(folder, [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(CannotRetry, match="arena-tui resume"):
        prepare_retry(folder)
    retry = prepare_retry(folder, ["train.learning_rate=1e-5"])
    assert retry.text == "[train]\nlearning_rate = 1e-05\n"
    refused = arena_tui("retry", "last", "--set", "train.epoch=1", cwd=tmp_path)
    assert refused.returncode == 2
    assert "did you mean epochs?" in refused.stderr


def test_a_record_from_before_proposals_still_reads_and_hostile_ones_are_refused(tmp_path: Path) -> None:
    profile = parse_profile("", source="none")
    folder = create_run(tmp_path / "runs", profile, text="", name="x")
    folder.events.write_text('{"type":"failed","time":1.0,"v":1,"cause":"a","advice":"b","exit_code":1}\n')
    state, _ = read_run(folder)
    assert isinstance(state.last, events.Failed)
    assert (state.last.changes, state.last.kept) == ([], None)
    hostile = events.Failed(cause="a", advice="b", exit_code=1, changes=[Change("train.epochs", 1.0, "[red]\x1b[2J")])
    with Record(folder.events) as record:
        record.write(replace(hostile, time=2.0))
    with pytest.raises(Exception, match="must be a number above 0"):
        prepare_retry(folder)
