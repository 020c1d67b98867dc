"""Averages as real child processes: what they answer, what they leave, and what they are refused for."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import arena_tui
from peft import PeftModel
from pyarrow import parquet
from tiny_runs import SECONDS, Start, copy_of
from transformers import AutoModelForSequenceClassification

from core.average.order import CannotAverage, new_average, read_order
from core.engine.scores import log_loss, softmax
from core.outcomes import A_B_TIE
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.record import Tail
from core.runs.resume import CannotResume, prepare
from core.runs.seal import flaw
from core.runs.state import Status, read_run

pytestmark = [pytest.mark.xdist_group("average"), pytest.mark.slow]


@pytest.fixture(scope="module")
def other(start_shared: Start) -> RunFolder:
    """A run on the rows of `finished`, of another seed, rank and scale."""
    folder, child = start_shared("train.seed=2", "lora.r=8", "lora.alpha=8")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    return folder


@pytest.fixture(scope="module")
def averaged(finished: RunFolder, other: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    """The average of both, made by the command, and what that has printed."""
    place = tmp_path_factory.mktemp("averaged")
    ran = arena_tui("average", str(finished.path), str(other.path), "--runs-dir", "runs", cwd=place)
    assert ran.returncode == 0, ran.stderr
    [path] = (place / "runs").iterdir()
    return RunFolder(path), ran.stdout


def logits(run: RunFolder) -> np.ndarray:  # type: ignore[type-arg]
    table = parquet.read_table(run.evaluation)
    return np.column_stack([table[name].to_numpy() for name in A_B_TIE.logits])


def labels(run: RunFolder) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(parquet.read_table(run.evaluation)["label"].to_numpy())


def added(run: RunFolder, checkpoint: Path) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """What a run's adapter adds to each weight, and its head, as peft alone loads them."""
    base = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3)
    model = PeftModel.from_pretrained(base, run.adapter)
    found = {
        name: module.get_delta_weight("default").detach().numpy()
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
    }
    return {**found, "score": model.base_model.model.score.modules_to_save["default"].weight.detach().numpy()}


def test_peft_alone_loads_the_mean_of_what_the_members_add(
    averaged: tuple[RunFolder, str], finished: RunFolder, other: RunFolder, checkpoint: Path
) -> None:
    mean, first, second = (added(run, checkpoint) for run in (averaged[0], finished, other))
    assert len(mean) == 10  # q, k and v of three layers, and the head
    for name, weight in mean.items():
        np.testing.assert_allclose(weight, (first[name] + second[name]) / 2, atol=1e-6)
        assert not np.allclose(first[name], second[name], atol=1e-4)


def test_it_is_a_finished_run_that_says_what_its_members_and_their_ensemble_reach(
    averaged: tuple[RunFolder, str], finished: RunFolder, other: RunFolder
) -> None:
    run, printed = averaged
    state, status = read_run(run)
    assert status is Status.FINISHED
    assert flaw(run.adapter, content=True) is None
    metrics = read_metrics(run.metrics)
    assert metrics and state.started and state.started.average
    told = state.started.average
    assert metrics.log_loss == pytest.approx(log_loss(softmax(logits(run)), labels(run)), abs=1e-6)
    assert (told.runs, told.how, told.rank) == ([finished.id, other.id], "exact", 24)
    assert told.log_losses == pytest.approx([read_metrics(one.metrics).log_loss for one in (finished, other)], abs=1e-6)
    ensemble = log_loss((softmax(logits(finished)) + softmax(logits(other))) / 2, labels(run))
    assert told.ensemble_log_loss == pytest.approx(ensemble, abs=1e-9)
    for line in (
        "averaged: rank 24, exact",
        f"  {told.log_losses[0]:.4f} run 1     {finished.id}",
        f"  {told.log_losses[1]:.4f} run 2     {other.id}",
        f"  {ensemble:.4f} ensemble  their predictions averaged",
    ):
        assert line in printed.splitlines()
    card = (run.adapter / "README.md").read_text()
    assert f"the average of those of the runs {finished.id}, {other.id}, made with arena-tui" in card
    assert "r = 24" in card


def test_it_is_reported_predicts_and_is_exported(
    averaged: tuple[RunFolder, str], train_csv: Path, tmp_path: Path
) -> None:
    run, _ = averaged
    own = RunFolder(Path(shutil.copytree(run.path, tmp_path / run.id)))
    ran = arena_tui("report", str(own.path), "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["rows"] == 12
    ran = arena_tui("predict", str(own.path), str(train_csv), "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    table = parquet.read_table(next(own.predictions.glob("*/predictions.parquet"))).to_pydict()
    rows = {id: table["run_1_logit_a"][number] for number, id in enumerate(table["id"])}
    ids = parquet.read_table(own.evaluation)["id"].to_pylist()
    np.testing.assert_allclose([rows[id] for id in ids], logits(own)[:, 0], atol=1e-4)
    ran = arena_tui("export", str(own.path), "--merged", "whole", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "whole" / "model.safetensors").is_file()


def test_the_average_of_a_run_and_itself_answers_as_the_run_does(finished: RunFolder, tmp_path: Path) -> None:
    job = new_average(tmp_path / "runs", [finished, copy_of(finished, tmp_path / "copy")], "svd", 16)
    child = job.start()
    assert child and child.wait(SECONDS) == 0, job.folder.console_log.read_text()
    np.testing.assert_allclose(logits(job.folder), logits(finished), atol=1e-5)


def test_runs_without_common_evaluation_rows_are_averaged_and_it_says_so(finished: RunFolder, tmp_path: Path) -> None:
    of_another_fold = copy_of(finished, tmp_path / "copy")
    record = of_another_fold.events.read_text()
    of_another_fold.events.write_text(record.replace('"digest_eval":{"ids":"', '"digest_eval":{"ids":"0'))
    ran = arena_tui("average", str(finished.path), str(of_another_fold.path), "--runs-dir", "of folds", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "ensemble  the runs were not evaluated on the same rows" in ran.stdout
    [path] = (tmp_path / "of folds").iterdir()
    assert not RunFolder(path).evaluation.exists()
    assert read_run(RunFolder(path))[1] is Status.FINISHED
    ran = arena_tui("report", str(path), cwd=tmp_path)
    assert "were not evaluated on the same rows" in ran.stderr


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("max_length = 64", "max_length = 48", "tokens.max_length = 48 instead of 64"),
        ("freeze_layers = 1", "freeze_layers = 2", "lora.freeze_layers = 2 instead of 1"),
        ('quantization = "none"', 'quantization = "nf4"', 'model.quantization = "nf4" instead of "none"'),
    ],
)
def test_other_settings_are_refused_by_name(
    before: str, after: str, found: str, finished: RunFolder, tmp_path: Path
) -> None:
    other = copy_of(finished, tmp_path / "other")
    settings = other.resolved.read_text()
    assert before in settings
    other.resolved.write_text(settings.replace(before, after))
    with pytest.raises(CannotAverage, match=found):
        new_average(tmp_path / "runs", [finished, other], "exact")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('"digest_base":{"config.json":"', '"digest_base":{"config.json":"0', r"another base \(.*: config.json differ"),
        ('"adapted":["', '"adapted":["o_proj","', "adapters on o_proj, "),
        ('"outcomes":"a-b-tie"', '"outcomes":"a-b"', "has 3 outcomes and|has three outcomes and"),
        ('"type":"finished"', '"type":"unknown"', "only finished runs can be averaged"),
    ],
)
def test_another_base_projections_outcomes_or_end_are_refused(
    before: str, after: str, found: str, finished: RunFolder, tmp_path: Path
) -> None:
    other = copy_of(finished, tmp_path / "other")
    other.metrics.unlink()
    record = other.events.read_text()
    assert before in record
    other.events.write_text(record.replace(before, after))
    with pytest.raises(CannotAverage, match=found):
        new_average(tmp_path / "runs", [finished, other], "exact")


def test_ranks_that_do_not_fit_are_refused(finished: RunFolder, other: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(CannotAverage, match=r"lora\.r = 8 instead of 16"):
        new_average(tmp_path, [finished, other], "plain")
    with pytest.raises(CannotAverage, match="at most 24, the sum of theirs: not 25"):
        new_average(tmp_path, [finished, other], "svd", 25)


def test_an_average_is_not_resumed_as_if_it_were_trained(finished: RunFolder, tmp_path: Path) -> None:
    folder = new_average(tmp_path / "runs", [finished, copy_of(finished, tmp_path / "copy")], "exact").folder
    assert read_order(folder).rank == 32
    with pytest.raises(CannotResume, match="is an average, which is not trained"):
        prepare(folder)


def test_a_damaged_adapter_ends_the_average_with_the_reason(finished: RunFolder, tmp_path: Path) -> None:
    damaged = copy_of(finished, tmp_path / "damaged")
    weights = damaged.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    job = new_average(tmp_path / "runs", [finished, damaged], "exact")
    child = job.start()
    assert child and child.wait(SECONDS) == 1
    [failed] = [event for event in Tail(job.folder.events).read() if isinstance(event, events.Failed)]
    assert "adapter_model.safetensors" in failed.cause
