"""The plan of a run on several cards: shares, what is exchanged, and time from what one card or several have done."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from scripted_plan import WHOLE
from tiny_runs import SETTINGS, copy_of

from arena_tui.plan.text import as_text
from core.cache import CACHE_VARIABLE
from core.plan.__main__ import plans
from core.plan.history import Speed, past_runs, speed
from core.plan.needs import time_plan
from core.plan.protocol import Plan, RanksPlan
from core.plan.ranks import LINK, balance, efficiency, exchange_seconds, plan_ranks, sent
from core.profile.errors import SettingError
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Profile, Run
from core.runs.events import Started
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics
from core.runs.record import Record, Tail

MB = 10**6


def ranks_plan(count: int, batch: int = 8, lengths: tuple[int, ...] = (100,) * 64) -> RanksPlan:
    return plan_ranks(count, Run(gpus=count), "NVIDIA H200", batch, lengths, seed=0)


def test_examples_are_shared_as_evenly_as_they_go() -> None:
    assert ranks_plan(2).examples == [4, 4]
    assert ranks_plan(3).examples == [3, 3, 2]
    assert (ranks_plan(10).examples, ranks_plan(10).idle) == ([1] * 8 + [0, 0], 2)


def test_ranks_with_as_much_to_do_never_wait_and_others_wait_for_the_one_with_the_most() -> None:
    assert balance([100] * 64, 8, 2, seed=0) == 1.0
    assert balance([100] * 64, 8, 3, seed=0) == pytest.approx(8 / 9)
    assert balance([100] * 64, 8, 16, seed=0) == pytest.approx(8 / 16)
    assert balance([1000] + [10] * 7, 8, 2, seed=0) < 0.6, "one row is as much as all others"
    assert balance([], 8, 2, seed=0) == 1.0


def test_a_ring_sends_nearly_twice_what_is_summed_up() -> None:
    assert sent(32 * MB, 2) == 32 * MB
    assert sent(32 * MB, 4) == 48 * MB
    assert exchange_seconds(32 * MB, 4) == pytest.approx(48 * MB / LINK)


def test_what_is_left_of_the_speed_is_the_less_the_shorter_a_step() -> None:
    even = replace(ranks_plan(4), gradients=32 * MB)
    own = 0.250 / 4
    assert efficiency(even, 0.250) == pytest.approx(own / (own + 48 * MB / LINK))
    assert efficiency(even, 0.025) < efficiency(even, 0.250) < 1
    assert efficiency(replace(even, gradients=None), 0.250) == 1
    assert efficiency(replace(even, balance=0.9, gradients=None), 0.250) == pytest.approx(0.9)


def test_the_time_of_several_cards_is_that_of_one_over_their_number_and_what_waiting_leaves() -> None:
    one = Speed("20260101-120000-x", 4_000.0, 0.0001)
    even = replace(ranks_plan(2), gradients=32 * MB)
    alone = time_plan(WHOLE, Profile(), one)
    together = time_plan(replace(WHOLE, ranks=even), Profile(), one)
    left = efficiency(even, WHOLE.tokens.effective / WHOLE.steps / 4_000)
    assert 0.99 < left < 1
    assert together.training == pytest.approx(alone.training / 2 / left)
    assert together.evaluation == pytest.approx(alone.evaluation / 2)
    assert (
        together.basis == f"4,000 tokens/s in 20260101-120000-x on one card, × 2 × {left:.2f} for waiting and exchange"
    )
    measured = time_plan(replace(WHOLE, ranks=even), Profile(), replace(one, ranks=2))
    assert (measured.training, measured.evaluation) == (alone.training, alone.evaluation)


def told(ranks: RanksPlan) -> str:
    return as_text(replace(WHOLE, ranks=ranks), Profile())


def test_the_text_says_on_what_each_rank_computes_and_which_have_nothing_to_do() -> None:
    known = replace(ranks_plan(3), gradients=32 * MB, exchange=exchange_seconds(32 * MB, 3))
    text = told(known)
    assert "on NVIDIA H200: 3 + 3 + 2 of 8 a step" in text
    assert re.search(r"88\.9 % +of the time computing, else waiting", text)
    assert "31 MiB  of gradients a step, 1.7 ms at 25 GB/s" in text
    assert "idle" not in text
    text = told(ranks_plan(10))
    assert "8 ranks with 1 of 8 a step" in text
    assert "2  idle: a step has 8 examples; run.gpus = 8 leaves none idle" in text
    assert "ranks" not in as_text(WHOLE, Profile())


@pytest.fixture
def profile(tmp_path: Path, train_csv: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    own = [f"data.train={train_csv}", f"model.checkpoint={checkpoint}"]
    return to_toml(parse_profile(SETTINGS, source="tiny", overrides=own))


def planned(text: str, runs: Path, *overrides: str) -> Plan:
    *_, last = plans(parse_profile(text, source="tiny", overrides=overrides), runs, measuring=False)
    return last


def of_ranks(run: RunFolder, place: Path, ranks: int) -> RunFolder:
    """A copy, recorded as one of several ranks."""
    copied = copy_of(run, place)
    events = Tail(copied.events).read()
    copied.events.unlink()
    with Record(copied.events) as record:
        for event in events:
            several = isinstance(event, Started)
            record.write(replace(event, ranks=[event.device] * ranks) if several else event)
    return copied


@pytest.mark.slow
@pytest.mark.xdist_group("finished run")
def test_time_is_told_by_runs_of_as_many_ranks_and_on_a_processor_by_no_others(
    finished: RunFolder, profile: str, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    copy_of(finished, runs / "20260101-120000-alone")
    assert planned(profile, runs).time is not None
    two = planned(profile, runs, "run.gpus=2")
    assert two.time is None
    assert (two.ranks.count, two.ranks.gradients) == (2, None), "ranks on one processor exchange through its memory"
    assert two.memory.processor.processes == 2
    of_ranks(finished, runs / "20260102-120000-together", 2)
    assert "20260102-120000-together" in planned(profile, runs, "run.gpus=2").time.basis
    assert "20260101-120000-alone" in planned(profile, runs).time.basis, "not by the newer one, which two computed"


@pytest.mark.slow
@pytest.mark.xdist_group("finished run")
def test_where_no_run_had_as_many_ranks_the_speed_of_one_is_known_to_be_that(
    finished: RunFolder, tmp_path: Path
) -> None:
    copy_of(finished, tmp_path / "20260101-120000-alone")
    metrics = read_metrics(finished.metrics)
    [past] = past_runs([tmp_path], metrics.device)
    known = speed([past], past.profile, metrics.precision, metrics.engine, 4)
    assert (known.run, known.ranks) == ("20260101-120000-alone", 1)


@pytest.mark.slow
def test_cards_that_are_not_there_end_the_plan(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(SettingError, match="more cards than there are: the visible ones are 0, 1"):
        planned(profile, tmp_path / "runs", "run.gpus=4")
