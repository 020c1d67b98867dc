"""What dropout is drawn by: a key for each example of each step, whichever others are computed beside it."""

import numpy as np

from core.engine.draws import draw_keys


def test_examples_steps_and_seeds_have_keys_of_their_own_that_no_other_has() -> None:
    keys = np.concatenate([draw_keys(seed, step, range(400)) for seed in range(10) for step in range(50)])
    assert keys.dtype == np.int64
    assert keys.min() >= 0
    assert len(np.unique(keys)) == len(keys) == 200_000


def test_an_examples_key_depends_neither_on_its_place_in_the_batch_nor_on_the_rest_of_it() -> None:
    rows = [7, 0, 2**40, 3]
    keys = draw_keys(5, 1000, rows)
    assert draw_keys(5, 1000, rows[::-1]).tolist() == keys[::-1].tolist()
    assert [int(draw_keys(5, 1000, [row])[0]) for row in rows] == keys.tolist()
    assert draw_keys(5, 1000, []).tolist() == []


def test_every_bit_of_a_key_depends_on_every_low_bit_of_seed_step_and_row() -> None:
    """One bit turned in any of them turns each bit of the key in half of all cases: 500 of 1,000, give or take 80."""
    chance = np.random.default_rng(0)
    cases = [[int(number) for number in chance.integers(2**20, size=3)] for _ in range(1000)]
    for turned in range(3):
        for bit in (0, 7, 19):
            counts = np.zeros(63)
            for case in cases:
                other = [number ^ (1 << bit if place == turned else 0) for place, number in enumerate(case)]
                (one,), (two,) = (draw_keys(seed, step, [row]) for seed, step, row in (case, other))
                counts += (int(one ^ two) >> np.arange(63)) & 1
            assert counts.min() > 420
            assert counts.max() < 580


def test_the_largest_seed_of_a_profile_is_one() -> None:
    assert draw_keys(2**32 - 1, 2**31, [2**31]).min() >= 0
