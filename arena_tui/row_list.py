"""Which rows a list shows and in which order, told from their figures. Knows neither text nor widget."""

from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from arena_tui.inspected import Inspected
from core.inspect.cuts import Cut
from core.inspect.hygiene import TIE

Flags = NDArray[np.bool_]


class Filter(Enum):
    """The value is what the screen calls it."""

    ALL = "all"
    OVER = "over the limit"
    B_GONE = "B gone"
    A_GONE = "A gone"
    TIES = "ties"
    IDENTICAL = "identical answers"
    EMPTY = "an empty answer"


class Order(Enum):
    FILE = "file order"
    LONGEST = "longest first"
    SHORTEST = "shortest first"
    MOST_LOST = "most lost first"


_CHOSEN: dict[Filter, Callable[[Inspected, Cut], Flags]] = {
    Filter.ALL: lambda seen, _: np.ones(len(seen.rows), dtype=bool),
    Filter.OVER: lambda _, cut: cut.is_over,
    Filter.B_GONE: lambda _, cut: cut.is_gone[:, 2],
    Filter.A_GONE: lambda _, cut: cut.is_gone[:, 1],
    Filter.TIES: lambda seen, _: seen.rows.label == TIE,
    Filter.IDENTICAL: lambda seen, _: seen.rows.flags["is_identical"] > 0,
    Filter.EMPTY: lambda seen, _: seen.rows.flags["is_empty"] > 0,
}


def listed(seen: Inspected, cut: Cut, chosen: Filter, order: Order, found: Flags | None) -> NDArray[np.intp]:
    """The numbers of the rows that are shown, in order. `found`, of shape (n,), marks what a search has found."""
    flags = _CHOSEN[chosen](seen, cut)
    numbers = np.flatnonzero(flags if found is None else flags & found)
    match order:
        case Order.FILE:
            return numbers
        case Order.LONGEST:
            return numbers[np.argsort(-cut.full[numbers], kind="stable")]
        case Order.SHORTEST:
            return numbers[np.argsort(cut.full[numbers], kind="stable")]
        case Order.MOST_LOST:
            return numbers[np.argsort(-cut.lost[numbers], kind="stable")]
