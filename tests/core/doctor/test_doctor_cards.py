"""What the doctor says of several cards, and that a process which answers nothing is a problem of them."""

import pytest
from msgspec.structs import replace

from core.doctor import several
from core.doctor.protocol import Cards
from core.machine.gpus import card, visible_gpus

TWO = Cards(names=["NVIDIA H200"] * 2, troubles=["", ""], nccl="2.27.5", apart=[])


def test_cards_that_compute_and_exchange_are_told_with_what_run_gpus_could_be() -> None:
    check = several.judged(["0", "1"], TWO)
    assert (check.verdict, check.found) == ("ok", "2 × NVIDIA H200; NCCL 2.27.5, directly")
    assert check.advice == 'run.gpus = 2, or "all", computes a run on them.'
    mixed = Cards(names=["A", "B", "A"], troubles=[""] * 3, nccl="2", apart=[(0, 1)])
    check = several.judged(["4", "5", "6"], mixed)
    assert check.found == "2 × A, 1 × B; NCCL 2, not directly between 4 and 5"
    assert check.advice.startswith("run.gpus = 2 to 3")


def test_a_card_that_does_not_compute_is_named_and_left_out() -> None:
    check = several.judged(["4", "5"], replace(TWO, troubles=["", "CUDA error: uncorrectable ECC error"]))
    assert check.verdict == "problem"
    assert check.found == "GPU 5: CUDA error: uncorrectable ECC error"
    assert check.advice == "run.gpus = [0] leaves out what does not compute."


def test_torch_without_nccl_is_a_note_since_runs_on_one_card_go_on() -> None:
    assert several.judged(["0", "1"], replace(TWO, nccl="")).verdict == "note"


def test_cards_that_torch_does_not_see_are_a_problem() -> None:
    check = several.judged(["0", "1", "2"], TWO)
    assert (check.verdict, check.found) == ("problem", "3 are visible, and torch sees 2")


@pytest.mark.slow
def test_a_real_child_is_asked_where_several_are_visible_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    if visible_gpus() != ("cpu",):
        pytest.skip("this machine has cards of its own")
    assert list(several.checks()) == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    [check] = several.checks()
    assert (check.name, check.verdict) == ("several cards", "problem")
    assert check.found == "2 are visible, and torch sees 0"


@pytest.mark.gpu
@pytest.mark.skipif(visible_gpus() == ("cpu",), reason="needs a card")
def test_the_cards_of_this_machine_compute() -> None:
    names = visible_gpus()
    found = several.asked(names)
    assert isinstance(found, Cards), found
    assert found.names[0] == card().name
    assert several.judged(names, found).verdict in ("ok", "note")
