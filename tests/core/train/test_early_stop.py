"""Training ends once evaluations gain nothing any more, and what a gain is, is told from noise."""

from pathlib import Path

import numpy as np
import pytest
from tiny_runs import SECONDS, Start
from transformers import TrainerControl, TrainerState, TrainingArguments

from core.engine.scores import paired_difference
from core.profile.errors import ProfileError
from core.profile.load import parse_profile
from core.runs.events import Finished
from core.runs.figures import Gain
from core.runs.state import read_run
from core.train.early_stop import EarlyStop
from core.train.results import Scorer

ROWS = 40
LABELS = np.zeros(ROWS, dtype=np.int64)


def logits(loss: float, noise: float = 0.0) -> np.ndarray:
    """Of rows whose loss alternates between `loss` less and more `noise`, of two outcomes."""
    losses = loss + noise * np.where(np.arange(ROWS) % 2, 1.0, -1.0)
    return np.stack([np.zeros(ROWS), np.log(np.expm1(losses))], axis=1).astype(np.float32)


class Evaluations:
    """Those of a Trainer, whose state and control are the library's own."""

    def __init__(self, folder: Path, patience: int, state: TrainerState) -> None:
        self.args, self.state, self.control = TrainingArguments(str(folder)), state, TrainerControl()
        self.scorer = Scorer()
        self.early_stop = EarlyStop(patience, self.scorer, range(ROWS))
        self.early_stop.on_train_begin(self.args, state, self.control)

    def see(self, step: int, found: np.ndarray) -> Gain | None:
        self.state.global_step = step
        self.scorer(found, LABELS)
        self.early_stop.on_evaluate(self.args, self.state, self.control)
        return self.early_stop.gain


def test_small_gains_add_up_and_noise_is_none(tmp_path: Path) -> None:
    seen = Evaluations(tmp_path, 3, TrainerState())
    assert seen.see(10, logits(1.0)) is None, "the first"
    noisy = seen.see(20, logits(0.95, noise=0.5))
    assert noisy and noisy.without == 1 and noisy.lower == pytest.approx(0.05, abs=1e-6) and noisy.margin > 0.1
    gained = seen.see(30, logits(0.9, noise=0.01))
    assert gained and gained.since == 10 and gained.without == 0 and gained.lower > gained.margin
    for count, step in enumerate((40, 50), 1):
        worse = seen.see(step, logits(0.9 + 0.1 * count, noise=0.01))
        assert worse and worse.since == 30 and worse.without == count and worse.lower < 0
    assert not seen.control.should_training_stop
    seen.see(60, np.full((ROWS, 2), np.nan, dtype=np.float32))
    assert seen.control.should_training_stop, "no number is no gain"


def test_its_memory_outlives_the_process(tmp_path: Path) -> None:
    """In the state that a checkpoint holds; an evaluation that is made again counts once."""
    before = Evaluations(tmp_path, 2, TrainerState())
    before.see(10, logits(0.5))
    before.see(20, logits(0.6))
    before.state.save_to_json(str(tmp_path / "state.json"))
    after = Evaluations(tmp_path, 2, TrainerState.load_from_json(str(tmp_path / "state.json")))
    again = after.see(20, logits(0.6))
    assert again and again.without == 1 and not after.control.should_training_stop
    after.see(30, logits(0.7))
    assert after.control.should_training_stop
    after.state.save_to_json(str(tmp_path / "state.json"))
    ended = Evaluations(tmp_path, 2, TrainerState.load_from_json(str(tmp_path / "state.json")))
    assert ended.control.should_training_stop, "nothing is left to do"


def test_a_first_evaluation_that_is_no_number_is_none_to_gain_on(tmp_path: Path) -> None:
    seen = Evaluations(tmp_path, 1, TrainerState())
    assert seen.see(10, np.full((ROWS, 2), np.nan, dtype=np.float32)) is None
    assert seen.see(20, logits(1.0)) is None
    gained = seen.see(30, logits(0.5))
    assert gained and gained.since == 20 and not seen.control.should_training_stop


def test_without_patience_it_only_tells(tmp_path: Path) -> None:
    seen = Evaluations(tmp_path, 0, TrainerState())
    for step in range(1, 6):
        seen.see(step, logits(step))
    assert seen.early_stop.gain and seen.early_stop.gain.without == 4 and not seen.control.should_training_stop


def test_the_interval_is_of_prompts() -> None:
    """Rows of one prompt that say the same are one observation: the interval is that of the prompts' own means."""
    rng = np.random.default_rng(0)
    of_prompts = rng.normal(0.02, 1.0, 50)
    before = np.repeat(of_prompts, 4)
    mean, margin = paired_difference(before, np.zeros(200), np.repeat(np.arange(50), 4))
    assert mean == pytest.approx(of_prompts.mean())
    assert margin == pytest.approx(1.96 * of_prompts.std(ddof=1) / np.sqrt(50))
    _, of_rows = paired_difference(before, np.zeros(200), np.arange(200))
    assert of_rows == pytest.approx(1.96 * before.std(ddof=1) / np.sqrt(200))
    assert paired_difference(before, np.zeros(200), np.zeros(200, dtype=np.int64))[1] == 0


@pytest.mark.slow
def test_a_run_that_grows_worse_finishes_early(start: Start) -> None:
    """Its rate is so high that it does. The adapter is there, and the record says why it has steps left."""
    folder, child = start(
        "train.early_stop=2", "train.keep=best", "eval.every=1", "train.learning_rate=0.3", "train.epochs=5"
    )
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    state = read_run(folder)[0]
    assert state.started and isinstance(state.last, Finished)
    newest = state.evaluations[-1]
    assert newest.step < state.started.steps and state.has_steps_left and state.step == newest.step
    assert newest.gain and newest.gain.without == 2
    assert [one.gain.without for one in state.evaluations[1:-1] if one.gain].count(2) == 0, "it ends at the first"
    assert folder.adapter.is_dir()
    assert state.reached and state.reached.step == min(state.evaluations, key=lambda one: one.log_loss or 99).step


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["split.by=none"], "needs rows to evaluate"),
        ([], "needs more evaluations than one after each epoch of 1"),
        (["train.epochs=3"], "needs more evaluations than one after each epoch of 3"),
    ],
)
def test_one_that_could_never_stop_is_refused(settings: list[str], problem: str) -> None:
    with pytest.raises(ProfileError, match=problem):
        parse_profile("", source="t", overrides=["train.early_stop=2", *settings])
    parse_profile("", source="t", overrides=["train.early_stop=2", "eval.every=100"])
    parse_profile("", source="t", overrides=["train.early_stop=2", "train.epochs=4"])
