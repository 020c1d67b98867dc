"""The outcomes: each is its own mirror image once A and B have changed places, and everything of them fits together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.outcomes import A_B, A_B_TIE, Outcomes, difference, outcomes_of

BOTH = (A_B_TIE, A_B)


def with_logits(outcomes: Outcomes) -> st.SearchStrategy[tuple[Outcomes, np.ndarray]]:
    shapes = st.tuples(st.integers(0, 5), st.just(len(outcomes)))
    return st.tuples(st.just(outcomes), arrays(np.float32, shapes, elements=st.floats(-9, 9, width=32)))


@given(st.sampled_from(BOTH).flatmap(with_logits))
def test_swapping_twice_is_swapping_never(case: tuple[Outcomes, np.ndarray]) -> None:
    outcomes, logits = case
    once = outcomes.unswapped(logits)
    np.testing.assert_array_equal(outcomes.unswapped(once), logits)
    np.testing.assert_array_equal(once[:, 0], logits[:, 1])
    np.testing.assert_array_equal(once[:, 2:], logits[:, 2:])
    assert [outcomes.swap[label] for label in outcomes.swap] == list(range(len(outcomes)))


@pytest.mark.parametrize("outcomes", BOTH)
def test_every_tuple_has_a_place_for_each_outcome(outcomes: Outcomes) -> None:
    tuples = [getattr(outcomes, name) for name in outcomes.__struct_fields__]
    assert {len(one) for one in tuples if isinstance(one, tuple)} == {len(outcomes)}
    assert outcomes.uniform == f"ln {len(outcomes)}"
    assert outcomes.uniform_log_loss == pytest.approx(-math.log(outcomes.chance))
    assert outcomes_of(outcomes.name) is outcomes


def test_two_outcomes_are_called_as_the_same_ones_of_three() -> None:
    for name in ("labels", "initials", "logits", "winners", "swapped_logits"):
        assert getattr(A_B, name) == getattr(A_B_TIE, name)[:2]
    assert (A_B.has_ties, A_B_TIE.has_ties) == (False, True)


def test_runs_that_differ_are_told_by_name() -> None:
    assert difference([("one", A_B), ("other", A_B)]) == ""
    told = "one has two outcomes and third has three"
    assert difference([("one", A_B), ("other", A_B), ("third", A_B_TIE)]) == told
