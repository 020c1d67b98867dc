"""A resumed run is the same run: what was due is made up for, and other rows or another base are refused by name."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from examples import read_examples
from loss_curve import curve
from tiny_runs import SECONDS, Start, copy_of, halting, kill, wait_until_halted

from core.data.example import DataError
from core.data.split import split
from core.data.template import RECIPE
from core.data.tokenizer import PromptTokenizer
from core.data.tokens import encode, rows_digest
from core.model.checkpoint import base_digest
from core.profile.data_settings import Data
from core.profile.load import parse_profile
from core.runs import events
from core.runs.folder import RunFolder
from core.runs.process import launch
from core.runs.protocol import TRAIN
from core.runs.record import Record, Tail
from core.runs.resume import CannotResume, add_due_end, prepare
from core.runs.state import Status, read_run
from core.train.attempt import Attempt

pytestmark = pytest.mark.xdist_group("same run")


@pytest.fixture
def resume() -> Iterator[Callable[..., Any]]:
    """Resumes a run, with a program of its own perhaps; children left over are killed."""
    children = []

    def resume(folder: RunFolder, *overrides: str, program: tuple[str, ...] = TRAIN) -> Any:
        prepare(folder, overrides)
        children.append(launch(folder, (*program, "--resume")))
        return children[-1]

    yield resume
    for child in children:
        kill(child)


def stop(child: Any) -> int:
    """SIGTERM to a child that has halted."""
    os.kill(child.pid, signal.SIGTERM)
    os.kill(child.pid, signal.SIGCONT)
    return int(child.wait(SECONDS))


def last(folder: RunFolder) -> Any:
    return read_run(folder)[0].last


def test_resumed_twice_at_the_end_of_an_epoch_it_is_the_run_never_stopped_and_owes_no_evaluation(
    start: Start, resume: Callable[..., Any]
) -> None:
    """Stopped within the first epoch's evaluation, killed within the second epoch: dropout is the same all the same."""
    settings = ("train.epochs=2", "lora.dropout=0.1", "train.save_steps=6", "eval.every=epoch", "train.log_steps=4")
    whole, child = start(*settings)
    assert child.wait(SECONDS) == 0, whole.console_log.read_text()

    folder, child = start(*settings, program=halting("evaluation-2"))
    wait_until_halted(folder, child)
    assert stop(child) == 143
    assert last(folder).kept == "checkpoints/checkpoint-6"
    assert not read_run(folder)[0].evaluations

    child = resume(folder, program=halting(2))
    wait_until_halted(folder, child)
    assert [evaluated.step for evaluated in read_run(folder)[0].evaluations] == [6]
    kill(child)

    assert resume(folder).wait(SECONDS) == 0, folder.console_log.read_text()
    assert curve(folder) == curve(whole)
    assert [step.step for step in read_run(folder)[0].steps] == [1, 4, 8, 12], "a point is the mean of four steps"


def test_stopped_in_its_last_evaluation_it_evaluates_again_and_trains_no_step_more(
    start: Start, resume: Callable[..., Any]
) -> None:
    """Half an epoch, which the Trainer takes one step further each time; stopped among the swapped rows."""
    folder, child = start("train.epochs=0.5", "eval.swap=true", program=halting("evaluation-5"))
    wait_until_halted(folder, child)
    assert stop(child) == 143
    assert (last(folder).step, last(folder).kept) == (3, "checkpoints/checkpoint-3")
    before = read_run(folder)[0].evaluations
    assert resume(folder).wait(SECONDS) == 0, folder.console_log.read_text()
    state = read_run(folder)[0]
    assert [step.step for step in state.steps] == [1, 2, 3]
    assert [(e.step, e.log_loss) for e in state.evaluations] == [(e.step, e.log_loss) for e in before]


def test_a_stop_while_a_resumed_run_loads_names_the_checkpoint_that_is_still_there(
    finished: RunFolder, resume: Callable[..., Any], tmp_path: Path
) -> None:
    folder = copy_of(finished, tmp_path / "run")
    folder.metrics.unlink()
    child = resume(folder, program=halting("train.csv"))
    wait_until_halted(folder, child)
    assert stop(child) == 143
    assert (last(folder).step, last(folder).kept) == (6, "checkpoints/checkpoint-6")


def test_a_run_killed_between_its_metrics_and_its_last_event_has_finished_and_its_record_is_mended(
    finished: RunFolder, tmp_path: Path
) -> None:
    folder = copy_of(finished, tmp_path / "run")
    folder.events.write_text("".join(folder.events.read_text().splitlines(keepends=True)[:-1]))
    assert read_run(folder)[1] is Status.FINISHED  # as what lies there tells
    assert not isinstance(Tail(folder.events).read()[-1], events.Finished)
    assert add_due_end(folder)
    assert isinstance(Tail(folder.events).read()[-1], events.Finished)
    state, status = read_run(folder)
    assert status is Status.FINISHED
    assert (state.step, len(state.steps)) == (6, 6)
    with pytest.raises(CannotResume, match="has finished"):
        prepare(folder)


def swapped(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """A and B of each row, labels too, and two training rows: as many of each side, and of as many tokens."""
    other = {"response_a": "response_b", "winner_model_a": "winner_model_b"}
    other |= {b: a for a, b in other.items()}
    return [{key: row[other.get(key, key)] for key in row} for row in (rows[0], rows[2], rows[1], *rows[3:])]


def flipped(number: int) -> Callable[[list[dict[str, str]]], list[dict[str, str]]]:
    """The label of one row is another."""

    def flip(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        row = rows[number]
        winners = ("winner_model_a", "winner_model_b", "winner_tie")
        row |= dict(zip(winners, [row[name] for name in (*winners[1:], winners[0])], strict=True))
        return rows

    return flip


def reworded(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """One word is another of as many tokens."""
    rows[1]["response_a"] = rows[1]["response_a"].replace("e", "a", 1)
    return rows


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (swapped, "other ids and labels and tokens in the training rows"),
        (flipped(1), "other labels in the training rows"),
        (flipped(0), "other labels in the evaluation rows"),
        (reworded, "tokens"),
        (lambda rows: rows[:-5], "44 training rows with"),
        (lambda rows: rows, None),
    ],
    ids=["swapped", "a training label", "an evaluation label", "a word", "fewer", "the same"],
)
def test_other_rows_are_refused_and_what_differs_is_named(
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    found: str | None,
    finished: RunFolder,
    checkpoint: Path,
    train_csv: Path,
    tmp_path: Path,
) -> None:
    folder = copy_of(finished, tmp_path / "run")
    with train_csv.open(newline="") as file:
        own = tiny.write_csv(tmp_path / "own.csv", change(list(csv.DictReader(file))))
    profile = parse_profile(folder.resolved.read_text(), source="resolved")
    sides = [
        [row for batch in encode(rows, PromptTokenizer(checkpoint), profile.tokens, RECIPE) for row in batch]
        for rows in split(read_examples(str(own), Data()), profile.split)
    ]
    with Record(folder.events) as record:
        attempt = Attempt.resumed(folder, record)
    tokens = sum(len(row.ids) for row in sides[0])
    if found is None:
        attempt.demand_same_rows(len(sides[0]), tokens, *map(rows_digest, sides), has_own_eval=False)
        return
    with pytest.raises(DataError, match=found) as refused:
        attempt.demand_same_rows(len(sides[0]), tokens, *map(rows_digest, sides), has_own_eval=False)
    assert "data.train has changed since the run was started" in str(refused.value)


def test_a_flipped_label_ends_a_resumed_run_before_it_trains(
    finished: RunFolder, train_csv: Path, resume: Callable[..., Any], tmp_path: Path
) -> None:
    folder = copy_of(finished, tmp_path / "run")
    folder.metrics.unlink()
    with train_csv.open(newline="") as file:
        own = tiny.write_csv(tmp_path / "own.csv", flipped(3)(list(csv.DictReader(file))))
    assert resume(folder, f"data.train={own}").wait(SECONDS) == 2
    assert "data.train has changed since the run was started: other labels" in last(folder).cause
    assert "arena-tui resume --set data.train=" in last(folder).advice


def test_rows_and_base_may_have_moved_and_other_weights_are_refused_by_name(
    finished: RunFolder, checkpoint: Path, train_csv: Path, resume: Callable[..., Any], tmp_path: Path
) -> None:
    folder = copy_of(finished, tmp_path / "run")
    folder.metrics.unlink()
    base, rows = tmp_path / "moved", tmp_path / "moved.csv"
    tiny.save_checkpoint(base, tiny.language_model())
    with (base / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x3f")
    shutil.copy(train_csv, rows)
    moved = (f"model.checkpoint={base}", f"data.train={rows}")
    assert resume(folder, *moved).wait(SECONDS) == 2
    assert "model.safetensors changed since the run was started" in last(folder).cause
    assert "arena-tui resume --set model.checkpoint=" in last(folder).advice

    shutil.copy(checkpoint / "model.safetensors", base)
    assert resume(folder).wait(SECONDS) == 0, folder.console_log.read_text()
    assert [e.step for e in read_run(folder)[0].evaluations] == [6]


def test_what_an_older_record_cannot_tell_from_another_may_not_have_moved(finished: RunFolder, tmp_path: Path) -> None:
    folder = copy_of(finished, tmp_path / "run")
    folder.metrics.unlink()
    [started] = [event for event in Tail(folder.events).read() if isinstance(event, events.Started)]
    assert started.digest_base
    lines = folder.events.read_text().splitlines(keepends=True)
    folder.events.write_text("".join(line.replace("digest_", "unknown_") for line in lines))
    prepare(folder)
    with pytest.raises(CannotResume, match="did not record digests of its rows and base"):
        prepare(folder, ("model.checkpoint=/elsewhere",))


DIGEST_OF_A_HUB_ID = """
import sys
from huggingface_hub._tree_cache import TreeCacheEntry, write_tree_cache
from core.model.checkpoint import base_digest
from core.model.locate import base_folder
listed = ("README.md", "config.json", "model.safetensors")
write_tree_cache(sys.argv[1], sys.argv[2], {name: TreeCacheEntry(size=1, blob_id="0" * 40) for name in listed})
print(base_digest(base_folder("owner/tiny", None)))
"""


def test_a_base_in_the_hubs_cache_which_lacks_its_other_files_has_the_digest_of_a_copy(
    checkpoint: Path, tmp_path: Path
) -> None:
    """The listing says that there is a README too, which nobody has fetched."""
    commit, repository = "0" * 40, tmp_path / "models--owner--tiny"
    shutil.copytree(checkpoint, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    ran = subprocess.run(
        [sys.executable, "-c", DIGEST_OF_A_HUB_ID, str(repository), commit],
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == str(base_digest(checkpoint)), ran.stderr


def test_the_digest_of_a_base_sees_changes_between_its_blocks_of_a_large_file_too(tmp_path: Path) -> None:
    """64 MiB, of which every 64 KiB a block is read: what is as long as that is seen wherever it lies."""
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(64 << 20))
    before = base_digest(tmp_path)
    assert list(before) == ["model.safetensors"]
    for place in (0, (1 << 20) - 1, 7_000_001, (64 << 20) - 70_000):
        with weights.open("r+b") as file:
            file.seek(place)
            file.write(b"\x01" * 69_000)
        assert base_digest(tmp_path) != before
        weights.write_bytes(bytes(64 << 20))
    assert base_digest(tmp_path) == before
    with weights.open("ab") as file:
        file.write(b"\x00")
    assert base_digest(tmp_path) != before
