"""Bradley-Terry ratings of chatbots, fitted as the Arena fits its own, to people's verdicts and to the model's."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from core.report.evaluation import Counts, Floats

POINTS = 400 / float(np.log(10))
"""Rating points of a logit: 400 of them are odds of ten to one, as in chess."""
MEAN = 1000.0
PRIOR = 0.01
"""Precision of the normal prior of a strength, in logits: a standard deviation of 10, which is 1,737 points. It decides
nothing but how far off one is that never lost."""
MOST_STEPS = 200
"""The worst tables known take 30."""
SMALLEST_STEP = 1e-7
"""In logits: whoever would move less than this, 0.00002 points, has arrived. Rounding alone stays below it."""


class NotFitted(Exception):
    """The maximum of the likelihood was not reached."""


class Fit(Struct, frozen=True):
    strengths: Floats
    """In logits, (chatbots,); their mean is 0."""
    inverse: Floats
    """Of the Hessian of the negative log likelihood, (chatbots, chatbots)."""
    residuals: Floats
    """What the first of each row scored less what it was expected to, (n,)."""


def fit(first: Counts, second: Counts, score: Floats, size: int) -> Fit:
    """Of `size` chatbots, from what the first of each row scored, (n,), from 0 to 1, a tie being a half: of people a
    win, a tie or a defeat, of a model what it expects. The likelihood has one maximum. Raises NotFitted.

    By Newton's method, whose full steps may overshoot further and further where hardly anyone lost to a weaker one. As
    the third derivative of each row's likelihood is at most the second, log(1 + d) / d of a step that moves the two of
    a row by up to d logits apart always gains, and is nearly all of a short one (Bach 2010, self-concordance).
    """
    strengths: Floats = np.zeros(size)
    for _ in range(MOST_STEPS):
        expected = expit(strengths[first] - strengths[second])
        residuals = score - expected
        gradient = np.bincount(first, residuals, size) - np.bincount(second, residuals, size) - PRIOR * strengths
        weights = expected * (1 - expected)
        hessian = PRIOR * np.eye(size)
        for one, other, sign in ((first, first, 1), (second, second, 1), (first, second, -1), (second, first, -1)):
            np.add.at(hessian, (one, other), sign * weights)
        inverse: Floats = np.linalg.inv(hessian).astype(np.float64)
        step = inverse @ gradient
        if np.abs(step).max() < SMALLEST_STEP:
            return Fit(strengths, inverse, residuals)
        apart = np.abs(step[first] - step[second]).max()
        strengths = strengths + step * (np.log1p(apart) / apart if apart else 1)
    raise NotFitted(f"no maximum in {MOST_STEPS} steps")


def compared(
    first: Counts, second: Counts, people: Floats, model: Floats, is_mean: NDArray[np.bool_], prompts: Counts | None
) -> tuple[Floats, Floats, Floats]:
    """Ratings by people and by the model, in points, and the standard error of their difference, (chatbots,) each.

    The rows tell ratings from one another, and nothing of where all lie: the mean of those that `is_mean` names,
    (chatbots,), is MEAN in both fits, of all where it names none. One that never lost lies wherever the prior ends, in
    one fit and not in the other: were it among them, all others would be off by a share of that.

    The error is that of both fits to the same rows (Huber's sandwich), by prompt where `prompts` numbers them. Raises
    NotFitted.
    """
    size, of_mean = len(is_mean), is_mean if is_mean.any() else np.ones(len(is_mean), dtype=bool)
    of_people, of_model = (fit(first, second, score, size) for score in (people, model))
    rows = np.arange(len(first))
    sides = csr_array((np.ones(len(rows)), (rows, first)), (len(rows), size)) - csr_array(
        (np.ones(len(rows)), (rows, second)), (len(rows), size)
    )
    number = rows if prompts is None else np.unique(prompts, return_inverse=True)[1]
    together = csr_array((np.ones(len(rows)), (number, rows)), (int(number.max()) + 1, len(rows)))
    influence = [
        (together @ sides.multiply(one.residuals[:, None]).tocsr()) @ one.inverse for one in (of_people, of_model)
    ]
    apart = influence[1] - influence[0]
    errors: Floats = np.sqrt(((apart - apart[:, of_mean].mean(axis=1, keepdims=True)) ** 2).sum(axis=0))
    by_people, by_model = (one.strengths - one.strengths[of_mean].mean() for one in (of_people, of_model))
    return (MEAN + POINTS * by_people, MEAN + POINTS * by_model, POINTS * errors)
