"""Which runs of a queue get which of the free cards: as many as fit, and none waits without end."""

from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from core.runs.allotment import allot, request, seen
from core.runs.entry import Entry
from core.runs.folder import RunFolder

CARDS = ["0", "1", "2", "3"]
Wanted = int | Literal["all"] | list[int]


def entry(wanted: Wanted, gpus: list[str] = CARDS) -> Entry:
    return Entry(place=0, gpus=gpus, wanted=wanted, working_directory="/")


def given(asked: list[Wanted], free: str) -> tuple[list[tuple[int, str]], int | None]:
    """Which of the runs gets which cards, and the one for which others are kept."""
    entries = [(RunFolder(Path(str(place))), entry(wanted)) for place, wanted in enumerate(asked)]
    found = allot(entries, list(free))
    keeper = None if found.keeper is None else int(found.keeper.id)
    return [(int(run.id), "".join(cards)) for run, _, cards in found.given], keeper


@pytest.mark.parametrize(
    ("asked", "free", "got", "keeper"),
    [
        ([1, 1, 1], "01", [(0, "0"), (1, "1")], 2),
        ([2, 1, 1], "0123", [(0, "01"), (1, "2"), (2, "3")], None),
        # The first keeps what is free until it is enough: smaller ones behind it do not take that from it.
        ([4, 1], "012", [], 0),
        (["all", 1, 1], "3", [], 0),
        ([1, 4, 1], "01", [(0, "0")], 1),
        # What it cannot use goes to whoever fits.
        ([[0, 1], 1, 1, [1], [2]], "123", [(1, "2"), (2, "3")], 0),
        ([[0], 3, 2, 1], "123", [(1, "123")], 0),
        # Behind the first, one that does not fit is passed by.
        ([[0, 1], 3, 1], "23", [(2, "2")], 0),
        ([], "0123", [], None),
    ],
)
def test_in_the_order_of_the_queue_what_fits_is_given_and_the_first_keeps_what_is_free(
    asked: list[Wanted], free: str, got: list[tuple[int, str]], keeper: int | None
) -> None:
    assert given(asked, free) == (got, keeper)


def test_whatever_comes_free_one_by_one_a_run_that_needs_all_cards_comes_to_its_turn() -> None:
    waiting: list[Wanted] = ["all", *[1] * 20]
    busy, started = {"0", "1", "2", "3"}, []
    for card in CARDS:
        busy -= {card}
        for place, cards in given(waiting, "".join(sorted(set(CARDS) - busy)))[0]:
            started.append((place, cards))
            busy |= set(cards)
    assert started == [(0, "0123")]


def test_what_a_killed_runner_took_comes_first_on_the_same_cards() -> None:
    first, taken = RunFolder(Path("first")), RunFolder(Path("taken"))
    entries = [(first, entry(1)), (taken, replace(entry(2), taken="0,1"))]
    assert [(run.id, cards) for run, _, cards in allot(entries, CARDS).given] == [
        ("taken", ["0", "1"]),
        ("first", ["2"]),
    ]
    assert [run.id for run, _, _ in allot(entries, ["1", "2"]).given] == ["first"]
    elsewhere = [(taken, replace(entry(1), taken="7"))]
    assert allot(elsewhere, [*CARDS, "7"]).given == [], "not one of the cards that it was queued with"


def test_the_processor_takes_one_run_of_however_many_ranks() -> None:
    for wanted in (1, 4, "all"):
        asked = request(entry(wanted, ["cpu"]))
        assert (asked.count, asked.cards) == (1, ["cpu"])


def test_a_run_that_counts_its_cards_by_number_sees_all_it_was_queued_with() -> None:
    assert seen(entry([1, 2], ["4", "5", "6"]), ["5", "6"]) == ["4", "5", "6"]
    assert seen(entry(2, ["4", "5", "6"]), ["4", "6"]) == ["4", "6"]


def test_a_run_that_asks_for_more_than_there_is_waits_for_all_and_keeps_nobody_waiting_without_end() -> None:
    assert request(entry(8)).count == 4
    assert [cards for _, _, cards in allot([(RunFolder(Path("x")), entry([9]))], CARDS).given] == [CARDS]
