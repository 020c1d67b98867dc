"""Runs on several ranks, in real processes that talk by gloo: the same examples, losses and results as on one."""

import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tiny
from pyarrow import parquet
from tiny_runs import SECONDS, Start, kill, measured, wait_for

from core.runs import events
from core.runs.folder import RunFolder
from core.runs.process import launch
from core.runs.protocol import MEETING, NODE, RESUME, TRAIN
from core.runs.record import Tail
from core.runs.resume import prepare
from core.runs.state import Status, read_run

pytestmark = pytest.mark.xdist_group("ranks")

# 47 training rows in batches of 8: the last step of an epoch has 7. Swapped copies are evaluated too.
RUN = (
    "train.epochs=1", "eval.every=3", "lora.target_modules=all-linear", "data.limit=59", "train.log_steps=1",
    "lora.dropout=0.2", "eval.swap=true",
)  # fmt: skip


def logits(folder: RunFolder) -> tuple[list[Any], Any]:
    """Of every row, in both orders."""
    table = parquet.read_table(folder.evaluation)
    columns = [name for name in table.column_names if "logit" in name]
    assert len(columns) == 6
    return table["id"].to_pylist(), np.stack([table[name] for name in columns], axis=1)


@pytest.fixture(scope="module", params=["padded", "packed"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def learned(engine: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The engine, the orders of A and B, and a teacher of half of the rows; other tests learn rows as they are."""
    if engine == "padded":
        return ["train.engine=padded", "train.swap=random"]
    teacher = tmp_path_factory.mktemp("teacher") / "teacher.csv"
    rows = "".join(f"{id},0.1,0.2,0.7\n" for id in [row["id"] for row in tiny.rows(60)][::2])
    teacher.write_text(f"id,probability_a,probability_b,probability_tie\n{rows}")
    both = ["train.swap=paired", "train.swap_consistency=0.5"]
    return ["train.engine=packed", *both, f"distill.teachers={[str(teacher)]}", "distill.temperature=2"]


@pytest.fixture(scope="module")
def alone(start_shared: Start, learned: list[str]) -> RunFolder:
    folder, child = start_shared(*RUN, *learned)
    assert child.wait(SECONDS) == 0
    return folder


@pytest.mark.parametrize("ranks", [2, 3])
def test_steps_losses_and_answers_of_several_ranks_are_those_of_one(
    ranks: int, learned: list[str], start: Start, alone: RunFolder
) -> None:
    folder, child = start(*RUN, *learned, f"run.gpus={ranks}")
    assert child.wait(SECONDS) == 0
    (counted, figures), (counted_too, figures_too) = measured(alone), measured(folder)
    assert counted == counted_too
    assert np.allclose(figures, figures_too, atol=1e-5)
    (ids, one), (ids_too, two) = logits(alone), logits(folder)
    assert ids == ids_too
    assert np.allclose(one, two, atol=1e-5)
    assert (folder.path / "rank-1.log").exists()
    started = wait_for(folder, events.Started)
    assert isinstance(started, events.Started)
    assert len(started.ranks) == ranks
    readings = read_run(folder)[0].steps
    assert len(readings) == len(counted)


def test_more_ranks_than_examples_in_a_step_and_than_batches_to_evaluate(start: Start) -> None:
    """The last step of an epoch has one example; all rows are evaluated as one batch."""
    few = ("data.limit=13", "train.per_device_batch_size=1", "train.gradient_accumulation=2")
    one, first = start(*RUN, *few, "eval.per_device_batch_size=64")
    assert first.wait(SECONDS) == 0
    three, second = start(*RUN, *few, "eval.per_device_batch_size=64", "run.gpus=3")
    assert second.wait(SECONDS) == 0
    (counted, figures), (counted_too, figures_too) = measured(one), measured(three)
    assert counted == counted_too
    assert np.allclose(figures, figures_too, atol=1e-5)
    assert logits(one)[0] == logits(three)[0]
    assert np.allclose(logits(one)[1], logits(three)[1], atol=1e-5)


LONG = ("train.epochs=500", "train.save_steps=100000", "eval.every=100000", "run.gpus=2")


def rank(child: "subprocess.Popen[bytes]", number: int) -> psutil.Process:
    """The process of a rank."""
    return ranks_of(child)[number]


def ranks_of(child: "subprocess.Popen[bytes]") -> dict[int, psutil.Process]:
    return {int(one.environ()["RANK"]): one for one in psutil.Process(child.pid).children() if "RANK" in one.environ()}


def wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    assert not psutil.wait_procs(list(processes), timeout=SECONDS)[1]


def test_a_stop_of_all_ranks_saves_and_the_run_goes_on_with_another_number_of_them(start: Start) -> None:
    folder, child = start(*LONG)
    wait_for(folder, events.Step, step=3)
    ranks = ranks_of(child)
    for process in (psutil.Process(child.pid), *ranks.values()):  # as a scheduler does that signals all it knows
        process.send_signal(signal.SIGTERM)
    assert child.wait(SECONDS) == 143
    wait_until_gone(ranks.values())
    *_, stopping, cancelled = Tail(folder.events).read()
    assert isinstance(cancelled, events.Cancelled), stopping
    assert cancelled.signal == "SIGTERM"
    assert cancelled.kept == f"checkpoints/checkpoint-{cancelled.step}"
    assert read_run(folder)[1] is Status.CANCELLED

    for ranks_then in (1, 3):
        prepare(folder, (f"run.gpus={ranks_then}",))
        again = launch(folder, (*TRAIN, RESUME))
        wait_for(folder, events.Step, step=cancelled.step + 3)
        again.terminate()
        assert again.wait(SECONDS) == 143
    steps = [step.step for step in read_run(folder)[0].steps]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize("there_is_a_rank", [False, True])
def test_a_stop_before_any_rank_can_hear_it_is_a_stop(there_is_a_rank: bool, start: Start) -> None:
    """While torch is imported; and when rank 0 is there, but has no handler yet and dies of the signal."""
    folder, child = start(*LONG)
    wait_for(folder, events.Phase, detail="starting 2 ranks")
    while there_is_a_rank and 0 not in ranks_of(child):
        assert child.poll() is None
    child.send_signal(signal.SIGUSR1)
    assert child.wait(SECONDS) == 128 + signal.SIGUSR1
    ends = [event for event in Tail(folder.events).read() if isinstance(event, events.Last)]
    assert [type(event) for event in ends] == [events.Cancelled]


def test_a_second_stop_ends_all_ranks_at_once(start: Start) -> None:
    folder, child = start(*LONG)
    wait_for(folder, events.Step, step=2)
    ranks = ranks_of(child)
    child.send_signal(signal.SIGQUIT)
    assert child.wait(SECONDS) == 128 + signal.SIGQUIT
    wait_until_gone(ranks.values())
    assert isinstance(Tail(folder.events).read()[-1], events.Cancelled)


@pytest.mark.parametrize("number", [0, 1])
def test_a_rank_that_is_killed_is_what_the_run_says_it_failed_of(number: int, start: Start) -> None:
    folder, child = start(*LONG)
    wait_for(folder, events.Step, step=2)
    ranks = ranks_of(child)
    ranks[number].kill()
    assert child.wait(60) == 1
    wait_until_gone(ranks.values())
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert failed.cause == f"rank {number} was killed by SIGKILL"
    assert ("rank-1.log" if number else "console.log") in failed.advice


def test_ranks_do_not_outlive_the_process_that_has_started_them(start: Start) -> None:
    folder, child = start(*LONG)
    wait_for(folder, events.Step, step=2)
    ranks = ranks_of(child)
    kill(child)
    wait_until_gone(ranks.values())
    assert read_run(folder)[1] is Status.LOST


def test_a_rank_that_hangs_is_ended_and_named(start: Start, tmp_path: Path) -> None:
    """The watch as a run has it, but less patient."""
    program = tmp_path / "impatient.py"
    program.write_text(
        textwrap.dedent("""
            import sys
            from core.train import launch
            from core.train.__main__ import main
            launch.HUNG_SECONDS = 3.0
            sys.exit(main(sys.argv[1:]))
        """)
    )
    folder, child = start(*LONG, program=(sys.executable, "-P", str(program)))
    wait_for(folder, events.Step, step=5)
    ranks = ranks_of(child)
    ranks[1].suspend()
    assert child.wait(60) == 1
    wait_until_gone(ranks.values())
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert failed.cause.startswith("rank 1 made no progress for")


EXCHANGE = """
import os
import torch
from core.train.exchange import Drifted, Exchange
import torch.distributed as dist

dist.init_process_group("gloo")
rank = dist.get_rank()
shared, of_one, unused = (torch.nn.Parameter(torch.ones(2, 3)) for _ in range(3))
shared.grad = torch.full((2, 3), 1.0 + rank)
of_one.grad = torch.full((2, 3), 5.0) if rank else None
exchange = Exchange([shared, of_one, unused], rank, 2)
for told in (False, True):
    if told:
        shared.grad, of_one.grad = None, torch.full((2, 3), 0.5)
    loss, stops = exchange(torch.tensor(0.25 + rank), told_to_stop=told and rank == 0)
    assert loss == 1.5 and stops is told, (loss, stops)
    assert torch.equal(shared.grad, torch.full((2, 3), 0.0 if told else 3.0))
    assert torch.equal(of_one.grad, torch.full((2, 3), 1.0 if told else 5.0))
    assert unused.grad is None
with torch.no_grad():
    of_one[1, 2] += rank * 1e-6
try:
    exchange(torch.tensor(0.0), told_to_stop=False)
except Drifted as error:
    assert "rank 1" in str(error)
else:
    raise AssertionError("nobody has noticed")
"""


def test_gradients_are_summed_and_ranks_that_drift_apart_are_noticed(tmp_path: Path) -> None:
    """Also those that one rank alone has; one that none has stays away, so that the optimizer leaves it alone."""
    script = tmp_path / "exchange.py"
    script.write_text(EXCHANGE)
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    ended = subprocess.run([*torchrun, str(script)], capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ended.returncode == 0, ended.stderr


def test_bad_data_is_said_once_and_by_its_own_words(start: Start, tmp_path: Path) -> None:
    folder, child = start("run.gpus=2", f"data.train={tmp_path / 'none.csv'}")
    assert child.wait(SECONDS) == 2
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert "none.csv" in failed.cause


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


@contextmanager
def two_machines(start: Start, *settings: str) -> Iterator[tuple[RunFolder, Any, Any]]:
    """The run and the processes of its two machines: both are here, and meet at the loopback."""
    meeting = (MEETING, f"localhost:{free_port()}")
    folder, first = start(*settings, "run.nodes=2", program=(*TRAIN, *meeting))
    second = subprocess.Popen([*TRAIN, NODE, "1", *meeting, str(folder.path)])
    yield folder, first, second
    second.kill()
    second.wait()


def test_two_machines_of_one_and_more_ranks_compute_what_one_does(
    start: Start, learned: list[str], alone: RunFolder
) -> None:
    with two_machines(start, *RUN, *learned) as (folder, first, second):
        assert first.wait(SECONDS) == 0
        assert second.wait(SECONDS) == 0
    (counted, figures), (counted_too, figures_too) = measured(alone), measured(folder)
    assert counted == counted_too
    assert np.allclose(figures, figures_too, atol=1e-5)
    assert np.allclose(logits(alone)[1], logits(folder)[1], atol=1e-5)


def test_a_rank_that_is_killed_on_the_other_machine_is_named_and_ends_both(start: Start) -> None:
    with two_machines(start, *LONG) as (folder, first, second):
        wait_for(folder, events.Step, step=2)
        theirs = ranks_of(second)
        assert sorted(theirs) == [2, 3]
        theirs[3].kill()
        assert first.wait(60) == 1
        assert second.wait(60) == 1
    failed = Tail(folder.events).read()[-1]
    assert isinstance(failed, events.Failed)
    assert failed.cause == "rank 3 was killed by SIGKILL"


def test_a_stop_of_the_first_machine_stops_both(start: Start) -> None:
    with two_machines(start, *LONG[:-1]) as (folder, first, second):
        wait_for(folder, events.Step, step=2)
        first.send_signal(signal.SIGUSR1)
        second.send_signal(signal.SIGUSR1)
        assert first.wait(60) == 128 + signal.SIGUSR1
        assert second.wait(60) == 0
    assert read_run(folder)[1] is Status.CANCELLED
