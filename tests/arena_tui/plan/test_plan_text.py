"""What a plan says in lines, of settings alone."""

import pytest

from arena_tui.plan.text import lines
from core.plan.protocol import Plan
from core.profile.load import parse_profile


@pytest.mark.parametrize("swap", ["none", "random", "both", "paired"])
def test_the_order_of_a_and_b_is_told_where_it_is_not_that_of_the_rows(swap: str) -> None:
    profile = parse_profile("", source="test", overrides=[f"train.swap={swap}"])
    told = [
        (figure, words)
        for label, figure, words in lines(Plan(global_batch=8), profile, "…", is_brief=True)
        if label == "order"
    ]
    assert [figure for figure, _ in told] == ([] if swap == "none" else [swap])
    assert all(words for _, words in told)
