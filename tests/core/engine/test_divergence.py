"""A run that has lost its way is given up, with what it was before; one that is only noisy never is."""

import math
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SUPPORT
from tiny_runs import SECONDS, Start, wait_for

from core.engine.steps import Diverged, LossWatch
from core.profile.load import Change
from core.runs import events
from core.runs.checkpoints import checkpoints
from core.runs.folder import RunFolder
from core.runs.record import Tail
from core.runs.state import Status, read_run

PATIENCE = 100
LN_3 = math.log(3)


def lost_at(watch: LossWatch, points: list[tuple[int, float]]) -> tuple[int, str] | None:
    """The step at which the watch gives up, and what it says; None if it does not."""
    for step, loss in points:
        try:
            watch.see(step, loss, 1.0)
        except Diverged as error:
            return step, str(error)
    return None


def logged(steps: int, every: int) -> list[int]:
    return [1, *range(every, steps + 1, every)] if every > 1 else list(range(1, steps + 1))


@pytest.mark.slow
@given(
    seed=st.integers(0, 2**32),
    every=st.sampled_from([1, 2, 10, 50]),
    start=st.floats(0.9, 4.0),
    end=st.floats(0.3, 1.1),
    pace=st.floats(1, 400),
    noise=st.floats(0, 0.6),
    spike_every=st.integers(5, 100),
)
@settings(max_examples=200, deadline=None)
def test_a_healthy_noisy_run_with_spikes_is_never_given_up(
    seed: int, every: int, start: float, end: float, pace: float, noise: float, spike_every: int
) -> None:
    """`noise` is that of one step; a point is the mean of `every` steps."""
    chance = random.Random(seed)
    points = []
    for number, step in enumerate(logged(2_000, every)):
        loss = end + (start - end) * math.exp(-step / pace) + chance.gauss(0, noise / math.sqrt(every))
        if number % spike_every == spike_every - 1:
            loss = chance.choice([math.nan, math.inf, 50.0])
        points.append((step, loss))
    assert lost_at(LossWatch(PATIENCE, LN_3), points) is None


@pytest.mark.slow
def test_the_losses_of_single_rows_are_no_reason_to_give_up() -> None:
    """What a classifier of log loss 0.95 gets for rows one by one: the noisiest curve there is."""
    chance = random.Random(7)
    points = []
    for step in range(1, 20_001):
        shares = [chance.gammavariate(2.0, 1) for _ in range(3)]
        points.append((step, -math.log(chance.choices(shares, weights=shares)[0] / sum(shares))))
    assert sum(loss for _, loss in points) / len(points) == pytest.approx(0.95, abs=0.1)
    assert lost_at(LossWatch(PATIENCE, LN_3), points) is None


def test_a_run_of_two_outcomes_is_lost_where_one_of_three_would_learn_yet() -> None:
    points = [(step, 0.6) for step in range(1, 301)] + [(step, 1.2) for step in range(301, 501)]
    assert lost_at(LossWatch(PATIENCE, LN_3), points) is None
    step, told = lost_at(LossWatch(PATIENCE, math.log(2)), points) or (0, "")
    assert 300 < step <= 300 + PATIENCE
    assert "the loss is far above its best: 1.20 then, 0.60 before" in told


@pytest.mark.parametrize("bad", [math.nan, math.inf, 8.0, 1.5])
@pytest.mark.parametrize(("every", "since"), [(1, 500), (10, 500), (10, 40), (50, 500)])
def test_a_lost_run_is_given_up_within_the_patience_and_tells_since_when(bad: float, every: int, since: int) -> None:
    chance = random.Random(3)
    healthy = [(step, 1.0 + chance.gauss(0, 0.05)) for step in logged(since - 1, every)]
    points = healthy + [(step, bad) for step in range(since, since + 1_000, every)]
    watch = LossWatch(PATIENCE, LN_3)
    found = lost_at(watch, points)
    assert found is not None
    step, words = found
    assert since + PATIENCE / 2 <= step <= max(since + PATIENCE + every, 4 * every + since)
    assert f"since step {since:,} " in words
    assert watch.sound == healthy[-1][0]


def test_a_gradient_norm_that_is_not_finite_is_as_bad() -> None:
    watch = LossWatch(PATIENCE, LN_3)
    for step in logged(100, 10):
        watch.see(step, 1.0, 1.0)
    with pytest.raises(Diverged, match="since step 110 the gradient norm is not a finite number"):
        for step in range(110, 300, 10):
            watch.see(step, 1.0, math.inf)


def test_one_bad_step_is_forgotten_and_a_patience_of_0_gives_no_run_up() -> None:
    watch = LossWatch(PATIENCE, LN_3)
    assert lost_at(watch, [(step, math.nan if step == 500 else 1.0) for step in logged(1_000, 10)]) is None
    assert watch.doubt is None
    assert watch.sound == 1_000
    assert lost_at(LossWatch(0, LN_3), [(step, math.nan) for step in logged(5_000, 10)]) is None


def poisoned(start: Start, batch: int, *overrides: str) -> RunFolder:
    program = (sys.executable, "-P", str(SUPPORT / "failing_engine.py"), "poison", str(batch))
    folder, child = start("train.epochs=50", "train.divergence_patience=10", *overrides, program=program)
    assert child.wait(SECONDS) == 1, folder.console_log.read_text()
    return folder


@pytest.mark.parametrize(
    ("save", "log", "sound"),
    [
        (3, 1, 6),  # step 7 fails: what is saved later is not worth going on from
        (1, 5, 5),  # step 7 fails, and is not logged: the weights themselves tell
    ],
)
def test_a_run_that_goes_bad_ends_as_failed_with_a_checkpoint_of_before(
    start: Start, save: int, log: int, sound: int
) -> None:
    folder = poisoned(
        start, 13, f"train.save_steps={save}", f"train.log_steps={log}", "train.keep_checkpoints=1", "eval.every=1000"
    )
    state, status = read_run(folder)
    assert status is Status.FAILED
    failed = state.last
    assert isinstance(failed, events.Failed)
    since = 7 if log == 1 else 10
    assert failed.cause == f"since step {since} the loss is not a finite number"
    assert "half the learning rate" in failed.advice
    assert failed.changes == [Change("train.learning_rate", 1e-3, 5e-4)]
    assert failed.kept == f"checkpoints/checkpoint-{sound}"
    assert [kept.step for kept in checkpoints(folder.checkpoints) if kept.problem is None] == [sound]
    assert state.step < 40, "a night of it was burnt"
    unsaved = [step for step in range(save, state.step, save) if step >= 7]
    told = [message for message in state.warnings if message.startswith("no checkpoint")]
    assert [f"no checkpoint is saved at step {step}: " for step in unsaved] == [m.split(": ")[0] + ": " for m in told]


def test_a_checkpoint_is_judged_by_the_mean_over_ten_steps_and_by_its_own_not_the_one_before() -> None:
    """The losses of single steps of a healthy run with a global batch of 8: one in fifty is above ln 3 + 0.25."""
    watch = LossWatch(PATIENCE, LN_3)
    chance = random.Random(5)
    for step in range(1, 2_001):
        watch.see(step, 0.95 + chance.gauss(0, 0.16), 1.0)
        assert watch.doubt is None, step
    for loss in (1.42, 0.80):
        step += 1
        watch.see(step, loss, 1.0)
        assert watch.doubt is None
    watch.see(step + 1, math.nan, 1.0)
    assert watch.doubt == "the loss is not a finite number"
    watch.see(step + 2, 0.9, 1.0)
    assert watch.doubt is None
    for later in range(step + 3, step + 13):
        watch.see(later, 1.5, 1.0)
    assert watch.doubt is not None
    assert watch.doubt.startswith("the loss is far above its best: 1.50 then")


@pytest.mark.parametrize("every", [10, 50, 200])
def test_a_point_over_ten_steps_or_more_is_judged_alone(every: int) -> None:
    watch = LossWatch(PATIENCE, LN_3)
    for step in logged(1_000, every):
        watch.see(step, 0.95, 1.0)
    watch.see(1_000 + every, 1.42, 1.0)
    assert watch.doubt is not None
    watch.see(1_000 + 2 * every, 0.80, 1.0)
    assert watch.doubt is None


def test_after_one_bad_step_the_losses_are_told_again_and_the_one_checkpoint_left_out_is_named(start: Start) -> None:
    """A NaN in the Trainer's sum of losses stays there by itself: what is not a number cannot be taken away."""
    program = (sys.executable, "-P", str(SUPPORT / "failing_engine.py"), "bad batch", "7")
    folder, child = start(
        "train.epochs=3", "train.max_grad_norm=1", "train.save_steps=1", "train.keep_checkpoints=18", program=program
    )
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    assert [kept.step for kept in checkpoints(folder.checkpoints)] == [step for step in range(18, 0, -1) if step != 4]
    assert read_run(folder)[0].warnings == (
        "the loss is not a finite number at step 4",
        "no checkpoint is saved at step 4: the loss is not a finite number",
    )
    losses = [event.loss for event in Tail(folder.events).read() if isinstance(event, events.Step)]
    assert losses[3] is None
    assert [number for number, loss in enumerate(losses) if loss is None] == [3]


def test_a_real_run_at_a_learning_rate_that_is_far_too_high_is_given_up(start: Start) -> None:
    folder, child = start(
        "train.epochs=50", "train.divergence_patience=20", "train.learning_rate=1", "train.warmup_steps=4"
    )
    child.wait(SECONDS)
    failed = read_run(folder)[0].last
    assert isinstance(failed, events.Failed)
    assert "far above its best" in failed.cause
    assert failed.changes[0] == Change("train.learning_rate", 1.0, 0.5)


def test_a_real_healthy_run_is_not(start: Start) -> None:
    folder, child = start("train.epochs=10", "train.divergence_patience=5")
    assert child.wait(SECONDS) == 0
    assert isinstance(wait_for(folder, events.Finished), events.Finished)
