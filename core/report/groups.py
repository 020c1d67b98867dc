"""The same figures for some of the rows: by length, turns and cut; by chatbot; and what the model likes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.special import expit, stdtr

from core.outcomes import TIE
from core.report.bradley_terry import NotFitted, compared
from core.report.evaluation import Counts, Evaluation, Floats, row_losses
from core.report.rated import Rated, Ratings, Strength, Strengths
from core.report.report import Group, LengthBias, LengthBin, PositionBias
from core.report.scores import interval, standard_error
from core.report.source_rows import Texts

Flags = NDArray[np.bool_]

SHORTEST = 128
"""Tokens up to which rows are in the first group by length; each next one reaches twice as far."""
MOST_TURNS = 4
"""So many turns and more are one group."""
PARTS = ("prompt", "A", "B")


def groups(evaluation: Evaluation, turns: Counts | None, prompts: Counts | None = None) -> list[Group]:
    """All groups that have rows. `turns`, of shape (n,), is 0 where a row's text is not known, None for all; `prompts`
    as in `interval`."""
    every = _chosen(evaluation, turns)
    return [_group(evaluation, prompts, kind, name, chosen) for kind, name, chosen in every if chosen.any()]


def _chosen(evaluation: Evaluation, turns: Counts | None) -> Iterator[tuple[str, str, Flags]]:
    full = evaluation.tokens + evaluation.lost.sum(axis=1)
    low, high = 0, SHORTEST
    while low < full.max():
        name = f"{low + 1:,} to {high:,}" if low else f"up to {high:,}"
        yield "length in tokens", name, (full > low) & (full <= high)
        low, high = high, high * 2
    if turns is not None:
        for number in range(1, MOST_TURNS):
            yield "turns", str(number), turns == number
        yield "turns", f"{MOST_TURNS} and more", turns >= MOST_TURNS
    is_cut = evaluation.lost.sum(axis=1) > 0
    yield "cut", "none", ~is_cut
    yield "cut", "any", is_cut
    for number, name in enumerate(PARTS):
        lost = evaluation.lost[:, number]
        if evaluation.parts is None:
            yield "cut", name, lost > 0
        else:
            is_gone = (lost == evaluation.parts[:, number]) & (lost > 0)
            yield "cut", f"part of {name}", (lost > 0) & ~is_gone
            yield "cut", f"all of {name}", is_gone


def _group(evaluation: Evaluation, prompts: Counts | None, kind: str, name: str, chosen: Flags) -> Group:
    losses = evaluation.losses[chosen]
    error, _ = standard_error(losses, None if prompts is None else prompts[chosen])
    return Group(
        kind=kind,
        name=name,
        rows=len(losses),
        log_loss=float(losses.mean()),
        margin=None if error is None else 1.96 * error,
        accuracy=float(evaluation.is_right[chosen].mean()),
    )


EDGES = (0.5, 0.8, 1.25, 2.0)
"""How many times as long as B is A, between the bins."""
BINS = ("A under half of B", "A shorter", "about equal", "A longer", "A over twice B")


def length_bias(evaluation: Evaluation, texts: Texts) -> LengthBias | None:
    """None where no row of a human winner has answers of different lengths."""
    a, b = texts.characters[:, 1], texts.characters[:, 2]
    log_a, log_b = evaluation.log_probabilities[:, 0], evaluation.log_probabilities[:, 1]
    prefers_a = expit(log_a - log_b)  # the share of A among what is not given to a tie
    a_won = evaluation.label == 0
    decided = texts.is_known.astype(bool) & (evaluation.label != TIE)
    uneven = decided & (a != b)
    if not uneven.any():
        return None
    prefers_longer = np.where(a > b, prefers_a, 1 - prefers_a)[uneven]
    number = np.searchsorted(EDGES, (a + 1) / (b + 1))
    bins = []
    for place, name in enumerate(BINS):
        chosen = decided & (number == place)
        if chosen.any():
            rows, humans, model = int(chosen.sum()), float(a_won[chosen].mean()), float(prefers_a[chosen].mean())
            bins.append(LengthBin(name=name, rows=rows, humans=humans, model=model))
    return LengthBias(
        rows=int(uneven.sum()),
        humans=float((a_won == (a > b))[uneven].mean()),
        model=float(prefers_longer.mean()),
        picked=float((prefers_longer > 0.5).mean() + (prefers_longer == 0.5).mean() / 2),
        bins=bins,
    )


def position_bias(evaluation: Evaluation, prompts: Counts | None = None) -> PositionBias | None:
    """None where the swapped copies were not evaluated. `prompts` as in `interval`."""
    swapped = evaluation.swapped
    if swapped is None:
        return None
    plain, other = evaluation.probabilities, np.exp(swapped)
    averaged = np.logaddexp(evaluation.log_probabilities, swapped) - np.log(2)
    averaged_losses = row_losses(averaged, evaluation.label)
    # A stands first in the plain copy, B in the swapped one.
    first = ((plain[:, 0] - other[:, 0]) + (other[:, 1] - plain[:, 1])) / 2
    return PositionBias(
        flip_rate=interval((plain.argmax(axis=1) != other.argmax(axis=1)).astype(np.float64), prompts),
        first=interval(first, prompts),
        swapped=interval(row_losses(swapped, evaluation.label), prompts),
        averaged=interval(averaged_losses, prompts),
        averaged_accuracy=float((averaged.argmax(axis=1) == evaluation.label).mean()),
        gain=interval(averaged_losses - evaluation.losses, prompts),
    )


FEWEST = 20
"""Rows below which a chatbot or a pair is left out: it would be noise."""
MOST_PAIRS = 20

Names = tuple[str, str]


def ratings(
    evaluation: Evaluation, models: Sequence[Names | None], prompts: Counts | None = None
) -> tuple[Strengths | None, Ratings] | None:
    """Of each chatbot, where a fit is found, and of the pairs furthest from what they won; None where no row names its
    chatbots. `prompts` as in `interval`."""
    rows = [number for number, names in enumerate(models) if names is not None]
    if not rows:
        return None
    named = [names for names in models if names is not None]
    scores = np.array([1.0, 0.0, 0.5][: len(evaluation.outcomes)])
    won, predicted = scores[evaluation.label[rows]], evaluation.probabilities[rows] @ scores

    shared = None if prompts is None else prompts[rows]
    by_pair: dict[str, list[int]] = {}
    for place, names in enumerate(named):
        by_pair.setdefault(" : ".join(sorted(names)), []).append(place)
    is_first = np.array([a <= b for a, b in named])
    pairs = _rate(by_pair, np.where(is_first, won, 1 - won), np.where(is_first, predicted, 1 - predicted), shared)
    furthest = sorted(pairs.rated, key=lambda pair: -abs(pair.z or 0))[:MOST_PAIRS]
    furthest.sort(key=lambda pair: -pair.difference)
    try:
        strengths = _strengths(named, won, predicted, shared)
    except NotFitted:
        strengths = None
    return strengths, replace(pairs, rated=furthest)


def _strengths(named: Sequence[Names], won: Floats, predicted: Floats, prompts: Counts | None) -> Strengths:
    """`won` and `predicted` are what the first of each row scored."""
    names, places = np.unique(np.array(named, dtype=object).astype(str), return_inverse=True)
    first, second = places.reshape(-1, 2).T
    size = len(names)
    rows = np.bincount(first, minlength=size) + np.bincount(second, minlength=size)
    scored = np.bincount(first, won, size) + np.bincount(second, 1 - won, size)
    drawn = np.arange(len(first)) if prompts is None else prompts
    asked = np.column_stack([np.append(first, second), np.append(drawn, drawn)])
    different, times = np.unique(asked, axis=0, return_counts=True)
    freedom = rows**2 / np.bincount(different[:, 0], times**2, size) - 1  # as `standard_error` has it
    is_mean = (rows >= FEWEST) & (scored > 0) & (scored < rows) & (freedom > 0)
    people, model, errors = compared(first, second, won, predicted, is_mean, prompts)
    has_error = is_mean & ~np.isclose(errors, 0)
    z = (model - people) / np.where(has_error, errors, 1)
    enough = np.flatnonzero(rows >= FEWEST)
    rated = [
        Strength(
            name=str(names[one]),
            rows=int(rows[one]),
            people=float(people[one]),
            model=float(model[one]),
            z=float(z[one]) if has_error[one] else None,
            q=None,
        )
        for one in enough
    ]
    rated = sorted(_with_q(rated, freedom[enough].tolist()), key=lambda one: -one.difference)
    return Strengths(rated, FEWEST, few=size - len(enough))


def _rate(by_name: dict[str, list[int]], won: Floats, predicted: Floats, prompts: Counts | None) -> Ratings:
    rated: list[Rated] = []
    freedom: list[float] = []
    for name, rows in by_name.items():
        if len(rows) < FEWEST:
            continue
        apart = (predicted - won)[rows]
        error, free = standard_error(apart, None if prompts is None else prompts[rows])
        rated.append(
            Rated(
                name=name,
                rows=len(rows),
                score=float(won[rows].mean()),
                predicted=float(predicted[rows].mean()),
                z=None if error is None or np.isclose(error, 0) else float(apart.mean() / error),
                q=None,
            )
        )
        freedom.append(free)
    rated = _with_q(rated, freedom)
    rated.sort(key=lambda model: -model.difference)
    return Ratings(rated, FEWEST, enough=len(rated), few=len(by_name) - len(rated))


Tested = TypeVar("Tested", Rated, Strength)


def _with_q(rated: list[Tested], freedom: Sequence[float]) -> list[Tested]:
    """`freedom` are the degrees of freedom of each z."""
    from scipy.stats import false_discovery_control  # half a second, as for a bootstrap

    p_values = [2 * stdtr(free, -abs(one.z)) for one, free in zip(rated, freedom, strict=True) if one.z is not None]
    found = iter(false_discovery_control(p_values).tolist() if p_values else [])
    return [one if one.z is None else replace(one, q=next(found)) for one in rated]
