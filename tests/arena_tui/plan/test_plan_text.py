"""What a plan says in lines, of settings alone."""

import pytest

from arena_tui.plan.text import lines
from core.plan.protocol import Plan
from core.profile.load import parse_profile
from core.profile.settings import Profile


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


def test_what_ends_and_teaches_a_run_stands_in_its_plan() -> None:
    """Only where it is asked for."""
    own = ['distill.teachers=["a.csv", "b.csv"]', "distill.temperature=2", "train.early_stop=3", "eval.every=100"]
    asked = parse_profile("", source="t", overrides=own)
    told = lines(Plan(global_batch=8, taught=1_234), asked, "…", is_brief=True)
    assert ("taught", "1,234", "by 2 teachers; weight 1, kl at temperature 2") in told
    assert ("early stop", "3", "evaluations without a gain end it") in told
    plain = [label for label, _, _ in lines(Plan(global_batch=8), Profile(), "…", is_brief=True)]
    assert not {"taught", "early stop"} & set(plain)
