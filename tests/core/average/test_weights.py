"""Averages of adapters by their tensors, against the mean of what the adapters add."""

import numpy as np
import pytest

from core.average.weights import Weights, concatenated, plain, reduced, unlike

SCALES = [2.0, 0.5, 1.0]
NAMES = {"q": (24, 16), "v": (6, 16)}
"""Outputs and inputs of each projection; one has fewer outputs than the ranks sum up to."""


def adapter(seed: int, rank: int) -> Weights:
    chance = np.random.default_rng(seed)
    made = {"score.weight": chance.normal(size=(3, 16))}
    for name, (outputs, inputs) in NAMES.items():
        made[f"{name}.lora_A.weight"] = chance.normal(size=(rank, inputs))
        made[f"{name}.lora_B.weight"] = chance.normal(size=(outputs, rank))
    return {name: weight.astype(np.float32) for name, weight in made.items()}


MEMBERS = [adapter(1, 4), adapter(2, 4), adapter(3, 2)]


def added(weights: Weights, name: str, scale: float) -> np.ndarray:  # type: ignore[type-arg]
    a, b = weights[f"{name}.lora_A.weight"].astype(np.float64), weights[f"{name}.lora_B.weight"].astype(np.float64)
    return np.asarray(scale * b @ a)


def mean_added(name: str) -> np.ndarray:  # type: ignore[type-arg]
    return np.mean([added(one, name, scale) for one, scale in zip(MEMBERS, SCALES, strict=True)], axis=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_average_adds_the_mean_of_what_its_members_add(name: str) -> None:
    made = concatenated(MEMBERS, SCALES).weights
    assert made[f"{name}.lora_A.weight"].shape[0] == 10
    np.testing.assert_allclose(added(made, name, SCALES[0]), mean_added(name), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        made["score.weight"], np.mean([one["score.weight"] for one in MEMBERS], axis=0), rtol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_of_sufficient_rank_singular_values_leave_all(name: str) -> None:
    made = reduced(MEMBERS, SCALES, rank=10)
    assert made.weights[f"{name}.lora_A.weight"].shape == (10, NAMES[name][1])
    assert made.weights[f"{name}.lora_B.weight"].shape == (NAMES[name][0], 10)
    np.testing.assert_allclose(added(made.weights, name, SCALES[0]), mean_added(name), rtol=1e-5, atol=1e-5)
    assert made.kept == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_lower_rank_leaves_the_largest_singular_values_and_says_how_much_that_is(name: str) -> None:
    made, found = reduced(MEMBERS, SCALES, rank=3), mean_added(name)
    values = np.linalg.svd(found, compute_uv=False)
    apart = np.linalg.norm(added(made.weights, name, SCALES[0]) - found)
    assert apart == pytest.approx(np.sqrt((values[3:] ** 2).sum()), rel=1e-4)
    squares = [np.linalg.svd(mean_added(one), compute_uv=False) ** 2 for one in NAMES]
    assert made.kept == pytest.approx(
        sum(one[:3].sum() for one in squares) / sum(one.sum() for one in squares), rel=1e-6
    )


def test_the_plain_mean_is_that_of_each_matrix() -> None:
    made = plain(MEMBERS[:2]).weights
    assert made.keys() == MEMBERS[0].keys()
    for name, weight in made.items():
        np.testing.assert_allclose(weight, (MEMBERS[0][name] + MEMBERS[1][name]) / 2, rtol=1e-6)


def test_adapters_of_other_tensors_or_shapes_are_told_but_for_their_rank() -> None:
    assert unlike(MEMBERS) == ""
    less = {name: weight for name, weight in MEMBERS[1].items() if name != "v.lora_A.weight"}
    assert unlike([MEMBERS[0], less]) == "v.lora_A.weight is in one of adapters 1 and 2 alone"
    wider = {**MEMBERS[1], "q.lora_B.weight": np.zeros((25, 4), dtype=np.float32)}
    assert unlike([MEMBERS[0], wider]) == "q.lora_B.weight has the shape (24, 4) in adapter 1, (25, 4) in adapter 2"
    other_head = {**MEMBERS[1], "score.weight": np.zeros((2, 16), dtype=np.float32)}
    assert unlike([MEMBERS[0], other_head]).startswith("score.weight has the shape (3, 16)")
