"""The rows to look through: which there are in which order, and searched for a text."""

import asyncio
from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from arena_tui.dataset.row_table import RowTable
from arena_tui.dialogs.ask import choose
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable, shortened
from arena_tui.rows.view import Inspected
from arena_tui.screen.keymap import hint
from core.inspect.cuts import Cut
from core.inspect.lookup import holds_text
from core.outcomes import TIE

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


class RowPane(Vertical):
    HELP = (
        "The rows of the training file, with the length of each part in tokens and how many of these the "
        "chosen limit and strategy cut. They are counted by the same code that cuts them in training."
    )
    DEFAULT_CSS = """
    RowPane {
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
        & > Input, & > Input:focus { display: none; height: 1; border: none; padding: 0 2; background: $panel; }
        & > Input.-open { display: block; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.filter = Filter.ALL
        self.order = Order.FILE
        self._sought = ""
        self._found: NDArray[np.bool_] | None = None
        self._seen: Inspected | None = None
        self._cut: Cut | None = None

    def compose(self) -> ComposeResult:
        way_back = hint(self, "back", ", {} ends the search").plain
        yield Input(placeholder=f"a text, or an id; enter searches{way_back}")
        yield RowTable()

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    def show(self, seen: Inspected, cut: Cut) -> None:
        """List these rows; what was found in others is sought again."""
        is_new = self._seen is None or len(self._seen.rows) != len(seen.rows) or self._seen.source != seen.source
        self._seen, self._cut = seen, cut
        if self.filter not in self._filters:
            self.filter = Filter.ALL
        if is_new:
            self._found = None
        if is_new and self._sought:
            self.search(self._sought)
        else:
            self.relist()

    @property
    def _filters(self) -> list[Filter]:
        """Those that can find a row: of two outcomes none is a tie."""
        has_ties = self._seen is None or self._seen.outcomes.has_ties
        return [one for one in Filter if has_ties or one is not Filter.TIES]

    def turn_filter(self, direction: int) -> None:
        every = self._filters
        self.list_only(every[(every.index(self.filter) + direction) % len(every)])

    def list_only(self, chosen: Filter) -> None:
        self.filter = chosen
        self.relist()

    async def choose_filter(self) -> None:
        """Let the user choose which rows are listed; waits for the answer."""
        if chosen := await choose(self.app, "which rows?", [one.value for one in self._filters], self.filter.value):
            self.list_only(Filter(chosen))

    def turn_order(self) -> None:
        every = list(Order)
        self.sort(every[(every.index(self.order) + 1) % len(every)])

    def sort(self, order: Order) -> None:
        self.order = order
        self.relist()

    async def choose_order(self) -> None:
        """Let the user choose the order of the rows; waits for the answer."""
        if chosen := await choose(self.app, "in which order?", [one.value for one in Order], self.order.value):
            self.sort(Order(chosen))

    def relist(self) -> None:
        """Choose and sort anew: some milliseconds for a Kaggle file."""
        if self._seen is None or self._cut is None:
            return
        self.table.show(self._seen, self._cut, listed(self._seen, self._cut, self.filter, self.order, self._found))
        self._caption(f" · “{printable(shortened(self._sought, 30))}”" if self._found is not None else "")

    def _caption(self, search: str) -> None:
        n = len(self.table.numbers)
        self.border_title = Content(f"rows: {self.filter.value}{search}")
        self.border_subtitle = Content.assemble(numbers.count(n), hint(self, "sort", " · {}: "), self.order.value)

    def open_search(self) -> None:
        line = self.query_one(Input)
        line.add_class("-open")
        line.focus()

    def end_search(self) -> bool:
        """Whether there was a search, or the line for one, to be put away."""
        line = self.query_one(Input)
        was_open = line.has_class("-open") or self._found is not None
        line.remove_class("-open")
        line.clear()
        self.screen.set_focus(None)
        self._sought, self._found = "", None
        self.workers.cancel_group(self, "search")
        self.relist()
        return was_open

    @on(Input.Submitted)
    def _search_for(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.set_focus(None)
        if event.value:
            self.search(event.value)
        else:
            self.end_search()

    @work(exclusive=True, group="search")
    async def search(self, text: str) -> None:
        """Find the rows with this text in prompt or answers, or with this id. Takes a second in a Kaggle file."""
        seen, self._sought = self._seen, text
        if seen is None or seen.source is None:  # it is sought once all rows have been read
            self.relist()
            return
        self.border_title = Content(f"rows: searching “{printable(shortened(text, 30))}”…")
        found = await asyncio.to_thread(holds_text, seen.source, text)
        if not self.screen.display:  # it is being left
            return
        self._found = found | (seen.rows.id == text)
        self.relist()
