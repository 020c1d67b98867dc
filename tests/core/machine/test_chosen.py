"""The cards that `run.gpus` asks for, of those that are visible: these, or an error that names what is there."""

from typing import Literal

import pytest
from tiny_runs import SECONDS, Start

from core.machine.chosen import chosen_gpus, rank_count
from core.machine.gpus import nvml
from core.profile.errors import SettingError
from core.runs.events import Failed
from core.runs.record import Tail

SHORT, PART = "GPU-8932f937", "MIG-6f1a3a2e-0d1a-5e0c-9c9b-3a5f4f1d2c10"
Wanted = int | Literal["all"] | list[int]


@pytest.mark.parametrize(
    ("wanted", "visible", "chosen"),
    [
        (1, ["0", "1"], ["0"]),
        (2, ["3", "1", "0"], ["3", "1"]),
        ("all", [SHORT, PART], [SHORT, PART]),
        ([0, 2], ["3", "1", SHORT], ["3", SHORT]),
        ([1, 0], ["0", "1"], ["1", "0"]),
        ([0], [PART], [PART]),
    ],
)
def test_cards_are_counted_as_they_are_visible(wanted: Wanted, visible: list[str], chosen: list[str]) -> None:
    assert chosen_gpus(wanted, visible) == chosen
    assert rank_count(wanted, chosen) == len(chosen)


@pytest.mark.parametrize(("wanted", "ranks"), [(1, 1), (3, 3), ("all", 1)])
def test_without_a_card_so_many_ranks_as_are_asked_for_are_on_the_processor(wanted: Wanted, ranks: int) -> None:
    assert chosen_gpus(wanted, []) == []
    assert rank_count(wanted, []) == ranks


@pytest.mark.parametrize(
    ("wanted", "visible", "told"),
    [
        (3, ["0", SHORT], f"more cards than there are: the visible ones are 0, {SHORT}"),
        ([0, 2], ["4", "5"], "there is no card 2: the visible ones are 4, 5"),
        ([0], [], "there is no card 0: no card is visible"),
        ([1, 1], ["4", "5"], "named twice"),
    ],
)
def test_cards_that_are_not_there_are_an_error_that_names_those_that_are(
    wanted: Wanted, visible: list[str], told: str
) -> None:
    with pytest.raises(SettingError, match=told):
        chosen_gpus(wanted, visible)


def test_a_run_of_several_ranks_does_not_take_the_processor_where_a_card_was_meant(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nvml() as driver:
        if driver is not None:
            pytest.skip("this machine has cards of its own")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-x")
    folder, child = start("run.gpus=2", "train.epochs=1")
    assert child.wait(SECONDS) != 0
    last = Tail(folder.events).read()[-1]
    assert isinstance(last, Failed)
    assert "'GPU-x' is not a card here" in last.cause
