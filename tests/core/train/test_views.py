"""In which orders rows are shown in training, and what is lost where the verdicts on both differ."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.data.example import Example
from core.data.sources import read_run_examples
from core.data.tokens import Encoded
from core.engine.draws import are_drawn
from core.outcomes import A_B, A_B_TIE, Outcomes
from core.packed.layout import layouts
from core.profile.errors import ProfileError
from core.profile.load import parse_profile
from core.train.loss import disagreement
from core.train.views import comparisons, in_one_order


def encoded(label: int, ids: list[int], *, id: int | str) -> Encoded:
    example = Example(0, id, ("p",), ("a",), ("b",), label)
    return Encoded(example, np.array(ids, dtype=np.int32), len(ids), (0, 0, 0), (1, 1, 1))


def test_each_epoch_exchanges_half_of_the_rows_and_the_next_one_others() -> None:
    ids = [*range(-500, 500), 2**63 - 1, -(2**63)]
    first, second = are_drawn(7, 0, ids), are_drawn(7, 1, ids)
    assert 0.4 < first.mean() < 0.6
    assert 0.4 < (first != second).mean() < 0.6
    assert 0.4 < (first != are_drawn(8, 0, ids)).mean() < 0.6
    assert np.array_equal(are_drawn(7, 0, ids[::-1])[::-1], first), "whatever stands beside a row"


def test_a_view_has_the_target_of_its_order_and_a_number_of_its_own() -> None:
    rows = [encoded(0, [1, 2], id=9), encoded(2, [3], id="nine")]
    swapped = [encoded(1, [2, 1], id=9), encoded(2, [4], id="nine")]
    both = comparisons(rows, swapped, 3)
    assert [[view["labels"] for view in views] for views in both] == [[0, 1], [2, 2]]
    assert [[view["row"] for view in views] for views in both] == [[0, 2], [1, 3]]
    assert all(len({view["id"] for view in views}) == 1 for views in both)
    assert [len(views) for views in comparisons(rows, [], 3)] == [1, 1]
    drawn = are_drawn(3, 1, [views[0]["id"] for views in both])
    for views, (shown,), is_swapped in zip(both, in_one_order(both, 3, 1), drawn, strict=True):
        assert shown is views[int(is_swapped)]


@given(st.integers(0, 9), st.sampled_from([A_B, A_B_TIE]))
def test_disagreement_is_half_of_jeffreys_divergence_and_none_where_verdicts_agree(seed: int, kind: Outcomes) -> None:
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(6, len(kind)))).double()
    logits[4], logits[5] = logits[4], logits[4][list(kind.swap)] + 3  # the same, turned around
    expected = 0.0
    for row in range(3):
        p, q = (one.softmax(-1).tolist() for one in (logits[2 * row], logits[2 * row + 1][list(kind.swap)]))
        expected += sum((a - b) * np.log(a / b) for a, b in zip(p, q, strict=True)) / 2
    assert disagreement(logits, kind.swap).item() == pytest.approx(expected, abs=1e-5)
    assert disagreement(logits[4:], kind.swap).item() == pytest.approx(0, abs=1e-6)


def test_both_trains_on_each_row_twice_and_evaluates_it_once(train_csv: Any) -> None:
    of = {
        swap: read_run_examples([str(train_csv)], None, parse_profile("", source="t", overrides=[f"train.swap={swap}"]))
        for swap in ("none", "both")
    }
    once, twice = of["none"].train, of["both"].train
    assert twice[: len(once)] == once
    for row, copy in zip(once, twice[len(once) :], strict=True):
        assert (copy.id, copy.response_a, copy.response_b) == (row.id, row.response_b, row.response_a)
        assert copy.label == A_B_TIE.swap[row.label]
    assert of["both"].evaluation == of["none"].evaluation


def test_a_layout_never_divides_the_orders_of_a_row() -> None:
    paired = parse_profile("", source="t", overrides=["train.swap=paired"])
    examples = [layout.examples for layout in layouts(paired)]
    assert max(examples) == 2 * paired.global_batch
    assert min(examples) == 2
    assert all(number % 2 == 0 for number in examples)


@pytest.mark.parametrize("swap", ["none", "random", "both"])
def test_orders_that_are_not_in_the_same_step_cannot_agree(swap: str) -> None:
    with pytest.raises(ProfileError, match=r'needs train\.swap = "paired"'):
        parse_profile("", source="t", overrides=[f"train.swap={swap}", "train.swap_consistency=0.5"])
