"""Ratings: those of a plain maximum likelihood, with the errors that drawing the rows again shows."""

import numpy as np
import pytest
from scipy.optimize import minimize

from core.report.bradley_terry import MEAN, POINTS, PRIOR, compared, fit


def games(rng: np.random.Generator, rows: int, size: int = 6) -> "tuple[np.ndarray, np.ndarray]":
    first = rng.integers(size, size=rows)
    return first, (first + rng.integers(1, size, size=rows)) % size


def test_strengths_are_those_that_make_what_was_seen_most_likely() -> None:
    rng = np.random.default_rng(1)
    first, second = games(rng, 400)
    score = rng.choice([0.0, 0.5, 1.0], size=400)

    def loss(strengths: "np.ndarray") -> float:
        total = PRIOR * (strengths**2).sum() / 2
        for a, b, won in zip(first, second, score, strict=True):
            gap = strengths[a] - strengths[b]
            total += won * np.log1p(np.exp(-gap)) + (1 - won) * np.log1p(np.exp(gap))
        return float(total)

    found = fit(first, second, score, 6).strengths
    assert found == pytest.approx(minimize(loss, np.zeros(6), tol=1e-10).x, abs=1e-4)
    assert found.mean() == pytest.approx(0, abs=1e-9)


def test_it_finds_the_strengths_that_the_games_were_played_with_and_expected_scores_tell_them_at_once() -> None:
    rng = np.random.default_rng(2)
    true = np.array([-1.0, -0.5, 0.0, 0.2, 0.4, 0.9])
    first, second = games(rng, 20_000)
    chance = 1 / (1 + np.exp(true[second] - true[first]))
    people, model, _ = compared(first, second, (rng.random(20_000) < chance).astype(float), chance, 6, None)
    assert model == pytest.approx(MEAN + POINTS * true, abs=0.5)
    assert people == pytest.approx(MEAN + POINTS * true, abs=25)


@pytest.mark.parametrize("copies", [1, 4])
def test_the_error_of_a_difference_is_what_playing_again_shows_by_prompt_too(copies: int) -> None:
    rng = np.random.default_rng(3)
    true = np.array([-0.6, -0.2, 0.0, 0.1, 0.2, 0.5])
    played, told = [], []
    for _ in range(150):
        first, second = games(rng, 600 // copies)
        chance = 1 / (1 + np.exp(true[second] - true[first]))
        won = (rng.random(len(first)) < chance).astype(float)
        rows = [np.repeat(of, copies) for of in (first, second, won, chance)]
        prompts = np.repeat(np.arange(len(first)), copies) if copies > 1 else None
        people, model, errors = compared(*rows, 6, prompts)
        played.append(model - people)
        told.append(errors)
    assert np.mean(told, axis=0) == pytest.approx(np.std(played, axis=0), rel=0.2)


def test_one_that_never_lost_is_far_ahead_and_not_infinitely() -> None:
    first, second = np.zeros(30, dtype=np.int64), np.ones(30, dtype=np.int64)
    people, _, _ = compared(first, second, np.ones(30), np.full(30, 0.5), 2, None)
    assert 1300 < people[0] < 3000
