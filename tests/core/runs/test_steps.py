"""The logged steps of a run as columns: what was put in comes out, and nobody's steps change under him."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.events import Step
from core.runs.steps import Steps

floats = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**53)
steps = st.builds(
    Step,
    time=floats,
    step=counts,
    epoch=floats,
    loss=st.none() | floats,
    learning_rate=st.none() | floats,
    grad_norm=st.none() | floats,
    tokens=counts,
    tokens_per_second=floats,
    memory_allocated=counts,
    memory_reserved=counts,
    memory_peak=counts,
)


@given(st.lists(steps, max_size=20), st.integers(-25, 25), st.integers(-25, 25))
def test_what_was_put_in_comes_out(given_steps: list[Step], first: int, last: int) -> None:
    held = Steps(given_steps)
    assert list(held) == given_steps
    assert [held[i] for i in range(-len(held), len(held))] == given_steps * 2
    assert list(held[first:last]) == given_steps[first:last]
    assert list(held[::-1]) == given_steps[::-1]
    assert list(held.column("tokens", len(held) // 2)) == [step.tokens for step in given_steps[len(held) // 2 :]]


@pytest.mark.slow
@given(st.lists(steps, max_size=9), st.lists(steps, min_size=1, max_size=9), st.lists(steps, min_size=1, max_size=9))
def test_steps_do_not_change_when_two_go_on_from_them(before: list[Step], one: list[Step], other: list[Step]) -> None:
    shared = Steps(before)
    longer, another = shared + one, shared + other
    assert list(shared) == list(shared[:]) == before
    assert list(longer) == before + one
    assert list(another) == before + other
    assert (longer == another) == (one == other)
