"""The division of a step among ranks."""

from hypothesis import given
from hypothesis import strategies as st

from core.engine.shares import cost, shares

COSTS = st.lists(st.floats(1, 5000), max_size=40)


@given(COSTS, st.integers(1, 9))
def test_each_example_is_one_ranks_and_the_first_rank_has_the_most(costs: list[float], ranks: int) -> None:
    parts = shares(costs, ranks)
    assert sorted(index for part in parts for index in part) == list(range(len(costs)))
    assert len(parts) == ranks
    sums = [sum(costs[index] for index in part) for part in parts]
    assert sums[0] >= max(sums) - 1e-6
    assert sum(not part for part in parts) == max(0, ranks - len(costs))


@given(COSTS.filter(bool), st.integers(1, 9))
def test_no_rank_has_more_than_its_share_and_one_example(costs: list[float], ranks: int) -> None:
    heaviest = max(sum(costs[index] for index in part) for part in shares(costs, ranks))
    assert heaviest <= sum(costs) / ranks + max(costs) + 1e-6


def test_differences_count_which_the_longest_first_would_miss() -> None:
    """Karmarkar and Karp's own example: 8, 7, 6, 5, 4 leave a difference of 2; the longest first would leave 4."""
    parts = shares([8, 7, 6, 5, 4], 2)
    assert sorted(sum([8, 7, 6, 5, 4][index] for index in part) for part in parts) == [14, 16]


def test_attention_makes_a_long_example_more_than_two_of_half_its_length() -> None:
    assert cost(2048) > 2 * cost(1024)
    assert cost(50_000) == 2 * 50_000
