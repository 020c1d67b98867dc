"""How the rows of a step are shown to the model: each in one order of A and B, or in both. Knows no Trainer."""

from collections.abc import Sequence
from typing import Any

from core.data.split import id_key
from core.data.tokens import Encoded, training_features
from core.engine.draws import are_drawn

View = dict[str, Any]
"""A row in one order: its features, its number among all views as `row`, and the key of its id as `id`."""
Comparison = list[View]
"""A row as a step may show it: as it is written, and where training swaps also with A and B swapped."""


def comparisons(rows: Sequence[Encoded], swapped: Sequence[Encoded], outcomes: int) -> list[Comparison]:
    """Of each of `rows` its views; `swapped` are the same rows with A and B swapped, or none.

    A view's target is that of its own order. No two views have the same `row`, by which their dropout is drawn.
    """
    orders = [
        [
            {**features, "row": first + number, "id": id_key(row.example.id)}
            for number, (row, features) in enumerate(zip(some, training_features(some, outcomes), strict=True))
        ]
        for first, some in ((0, rows), (len(rows), swapped))
        if some
    ]
    return [list(views) for views in zip(*orders, strict=True)]


def in_one_order(step: Sequence[Comparison], seed: int, epoch: int) -> list[Comparison]:
    """Of each comparison the one view that is drawn by seed, epoch and id."""
    drawn = are_drawn(seed, epoch, [views[0]["id"] for views in step])
    return [[views[int(is_swapped)]] for views, is_swapped in zip(step, drawn, strict=True)]


def tokens(comparison: Comparison) -> list[int]:
    """Of each view."""
    return [len(view["input_ids"]) for view in comparison]
