"""The same figures for some of the rows: by length, by turns, by what was cut."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.report.evaluation import Counts, Evaluation
from core.report.report import Group

Flags = NDArray[np.bool_]

SHORTEST = 128
"""Tokens up to which rows are in the first group by length; each next one reaches twice as far."""
MOST_TURNS = 4
"""So many turns and more are one group."""
PARTS = ("prompt", "A", "B")


def groups(evaluation: Evaluation, turns: Counts | None) -> list[Group]:
    """All groups that have rows. `turns`, of shape (n,), is 0 where a row's text is not known, None for all."""
    every = _chosen(evaluation, turns)
    return [_group(evaluation, kind, name, chosen) for kind, name, chosen in every if chosen.any()]


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
    yield "what was cut", "nothing", ~is_cut
    yield "what was cut", "something", is_cut
    for number, name in enumerate(PARTS):
        lost = evaluation.lost[:, number]
        if evaluation.parts is None:
            yield "what was cut", name, lost > 0
        else:
            is_gone = (lost == evaluation.parts[:, number]) & (lost > 0)
            yield "what was cut", f"some of {name}", (lost > 0) & ~is_gone
            yield "what was cut", f"all of {name}", is_gone


def _group(evaluation: Evaluation, kind: str, name: str, chosen: Flags) -> Group:
    losses = evaluation.losses[chosen]
    return Group(
        kind=kind,
        name=name,
        rows=len(losses),
        log_loss=float(losses.mean()),
        margin=float(1.96 * losses.std(ddof=1) / np.sqrt(len(losses))) if len(losses) > 1 else None,
        accuracy=float(evaluation.is_right[chosen].mean()),
    )
