"""Ratings: those of a plain maximum likelihood, with the errors that drawing the rows again shows."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from core.report import bradley_terry
from core.report.bradley_terry import MEAN, POINTS, PRIOR, NotFitted, compared, fit

ALL = np.ones(6, dtype=bool)


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
    people, model, _ = compared(first, second, (rng.random(20_000) < chance).astype(float), chance, ALL, None)
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
        people, model, errors = compared(*rows, ALL, prompts)
        played.append(model - people)
        told.append(errors)
    assert np.mean(told, axis=0) == pytest.approx(np.std(played, axis=0), rel=0.2)


def test_one_that_never_lost_is_far_ahead_and_not_infinitely() -> None:
    first, second = np.zeros(30, dtype=np.int64), np.ones(30, dtype=np.int64)
    people, _, _ = compared(first, second, np.ones(30), np.full(30, 0.5), ALL[:2], None)
    assert 1300 < people[0] < 3000


HARD = np.array([(1, 4, 0, 300), (3, 2, 1, 100), (2, 0, 1, 50), (3, 4, 0, 2), (1, 0, 0, 300)])
"""First, second, what the first scored, in how many rows: from 0, a full step of Newton's leads ever further away."""


def steepest(table: "np.ndarray", size: int) -> float:
    """The largest derivative of the likelihood where `fit` ends, by a plain sum over the lines of `table`."""
    first, second, score = (np.repeat(table[:, column], table[:, 3].astype(int)) for column in range(3))
    strengths = fit(first.astype(int), second.astype(int), score, size).strengths
    gradient = -PRIOR * strengths
    for one, other, won, rows in table:
        pull = rows * (won - expit(strengths[int(one)] - strengths[int(other)]))
        gradient[int(one)] += pull
        gradient[int(other)] -= pull
    return float(np.abs(gradient).max())


def test_a_table_in_which_hardly_anyone_loses_to_a_weaker_one_has_its_maximum_too() -> None:
    assert steepest(HARD, 5) < 1e-6
    rng = np.random.default_rng(4)
    for _ in range(200):
        size, lines = int(rng.integers(3, 12)), int(rng.integers(3, 15))
        first, second = games(rng, lines, size)
        score, rows = rng.choice([0, 0, 1, 1, 0.5], lines), (10 ** rng.uniform(0, 3, lines)).astype(int)
        assert steepest(np.column_stack([first, second, score, rows]), size) < 1e-3
    chain = np.column_stack([np.arange(39), np.arange(1, 40), np.ones(39), np.full(39, 100)])
    assert steepest(chain, 40) < 1e-6, "each of 40 always beats the next"


def test_a_fit_that_has_not_ended_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bradley_terry, "MOST_STEPS", 3)
    first, second, score = (np.repeat(HARD[:, column], HARD[:, 3]) for column in range(3))
    with pytest.raises(NotFitted, match="no maximum in 3 steps"):
        fit(first, second, score.astype(float), 5)
