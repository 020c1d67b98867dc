"""Queued runs that take several cards, with real processes: each sees its own, and all come to their turn."""

import json
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace
from queued import SECONDS, add_for, until_status
from recorded import play
from screen import child
from textual.widget import Widget

from arena_tui.__main__ import main
from arena_tui.runs.waits import waits, words
from core.profile.settings import Profile, Run
from core.runs.actions import see_to_runner
from core.runs.folder import RunFolder, create_run
from core.runs.process import describe_this_process, own_ranks
from core.runs.queue import Queue, QueueError
from core.runs.queue_runner import occupies
from core.runs.state import Status, read_run
from core.runs.stopping import Rung, ask

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def queue(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    return Queue(runs)


def sees(run: RunFolder) -> str:
    info = run.read_info()
    assert info is not None
    return psutil.Process(info.pid).environ()["CUDA_VISIBLE_DEVICES"]


def on_cards(queue: Queue, name: str, *cards: str) -> RunFolder:
    """A run of this process, on these cards."""
    run = create_run(queue.runs, Profile(), text="", name=name)
    play(run)
    run.write_info(replace(describe_this_process(["x"]), gpu=",".join(cards)))
    return run


@pytest.mark.slow
def test_free_cards_go_to_what_fits_and_one_that_needs_all_comes_to_its_turn(queue: Queue) -> None:
    one, two, every, last = (
        add_for(queue, name, gpus) for name, gpus in (("one", 1), ("two", 2), ("every", "all"), ("last", 1))
    )
    process = see_to_runner(queue, child("hang"))
    assert process is not None
    for run in (one, two):
        until_status(run, Status.RUNNING)
    assert (sees(one), sees(two)) == ("4", "5,6")
    assert two.read_info().cards == ["5", "6"]
    assert [read_run(run)[1] for run in (every, last)] == [Status.QUEUED] * 2, "card 7 is kept for the first that waits"
    assert ask(two, Rung.SAVE)
    until_status(two, Status.CANCELLED)
    assert ask(one, Rung.SAVE)
    until_status(every, Status.RUNNING)
    assert (sees(every), every.read_info().gpu) == ("4,5,6,7", "4,5,6,7")
    assert read_run(last)[1] is Status.QUEUED
    assert ask(every, Rung.SAVE)
    until_status(last, Status.RUNNING)
    assert ask(last, Rung.SAVE)
    assert process.wait(SECONDS) == 0


@pytest.mark.slow
def test_a_run_that_names_its_cards_gets_these_and_counts_them_as_where_it_was_queued(queue: Queue) -> None:
    named, other = add_for(queue, "named", [1, 3]), add_for(queue, "other", 2)
    assert see_to_runner(queue, child("hang")) is not None
    for run in (named, other):
        until_status(run, Status.RUNNING)
    assert (sees(named), named.read_info().cards) == ("4,5,6,7", ["5", "7"])
    assert (sees(other), other.read_info().cards) == ("4,6", ["4", "6"])


def test_a_run_says_on_which_cards_it_computes_and_with_how_many_ranks(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = create_run(queue.runs, Profile(run=Run(gpus=[1, 2], nodes=2)), text="", name="asked")
    too_many = create_run(queue.runs, Profile(run=Run(gpus=5)), text="", name="too-many")
    assert own_ranks(asked) == (["5", "6"], 4)
    assert own_ranks(too_many) == (["4"], 1)
    assert describe_this_process(["x"], *own_ranks(asked)).cards == ["5", "6"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert own_ranks(too_many) == (["cpu"], 5), "ranks share the processor"


def test_a_run_has_each_of_its_cards(queue: Queue) -> None:
    run = on_cards(queue, "x", "4", "6")
    assert [occupies(run, card) for card in ("4", "5", "6")] == [True, False, True]


def test_a_run_that_asks_for_cards_that_are_not_there_is_not_queued(queue: Queue) -> None:
    for gpus, why in ((5, "more cards than there are"), ([4], "there is no card 4"), ([1, 1], "named twice")):
        with pytest.raises(QueueError, match=why):
            add_for(queue, "x", gpus)
    with pytest.raises(QueueError, match=r"run\.nodes = 2: a script starts several machines"):
        queue.add(Profile(run=Run(nodes=2)), text="", name="x")
    assert queue.entries() == []


def test_the_queue_says_how_many_cards_a_run_waits_for_and_for_whom_free_ones_are_kept(
    queue: Queue, capsys: Captured
) -> None:
    on_cards(queue, "busy", "4", "5")
    first, behind, named = (add_for(queue, n, g) for n, g in (("first", 4), ("behind", 2), ("named", [0])))
    assert main(["queue"]) == 0
    out = capsys.readouterr().out
    assert f"{first.id}  on GPUs 4, 5, 6 and 7\n           it waits for 4 cards: 2 of 4 are free, kept for it\n" in out
    assert f"{behind.id}  on 2 of GPUs 4, 5, 6 and 7\n           it waits for 2 cards: 2 of 4 are free\n" in out
    assert f"it is behind {first.id}, the first that waits, for which free cards are kept\n" in out
    assert f"{named.id}  on GPU 4\n" in out
    assert "busy  on GPUs 4 and 5" in out
    assert main(["queue", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(run["gpus_needed"], run["gpus_free"]) for run in told["waiting"]] == [(4, 2), (2, 2), (1, 0)]
    assert told["running"][0]["gpus"] == ["4", "5"]
    known = waits(queue, queue.waiting(), queue.others())
    said = " ".join(sentence.plain for sentence in words(replace(known[first.id], is_served=True), Widget()))
    assert "It waits for 4 cards: 2 of 4 are free, kept for it." in said
    assert "is using GPUs 4 and 5." in said
    assert "within seconds" not in said
