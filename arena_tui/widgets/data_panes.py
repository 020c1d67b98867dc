"""The panes below the limit: tables of other limits and strategies, groups of rows, hygiene, and single rows."""

import asyncio
from collections.abc import Iterator

from textual import work
from textual.widget import Widget

from arena_tui import figures
from arena_tui.hint import hint
from arena_tui.inspected import Inspected, Outlook, by_group, by_limit, by_strategy
from arena_tui.widgets.cut_table import cut_table
from arena_tui.widgets.hygiene import hygiene_text
from arena_tui.widgets.row_pane import RowPane
from arena_tui.widgets.text_pane import TextPane
from arena_tui.widgets.turning_panes import TurningPanes
from core.profile.settings import Profile

SECONDS_UNTIL_TABLES = 0.15
"""The tables follow once the limit has stood still for so long: they take a quarter of a second."""


class DataPanes(TurningPanes):
    """Rows, groups and hygiene take turns below the two tables."""

    PANES = ("rows", "limits", "strategies", "groups", "hygiene")
    FIXED = ("limits", "strategies")
    FIRST = FIRST_SMALL = "rows"

    DEFAULT_CSS = """
    DataPanes {
        #panes { layout: grid; grid-size: 2 2; grid-rows: 10 1fr; }
        #rows, #groups, #hygiene { display: none; column-span: 2; }
    }
    """

    def panes(self) -> Iterator[Widget]:
        yield TextPane("limits", id="limits")
        yield TextPane("strategies", id="strategies")
        yield RowPane(id="rows")
        yield TextPane("by winner and split", id="groups")
        yield TextPane("hygiene", id="hygiene")

    def to_rows(self) -> RowPane:
        """Bring the rows to the front."""
        self.choose("rows")
        return self.query_one(RowPane)

    # Without a description, Textual writes one from the arguments: 20 ms for these.
    @work(exclusive=True, description="the tables follow")
    async def show(self, seen: Inspected, profile: Profile, chosen: Outlook) -> None:
        """Bring everything to the chosen limit and strategy, once these have stood still for a moment."""
        await asyncio.sleep(SECONDS_UNTIL_TABLES)
        if not self.screen.display:  # it is being left
            return
        tokens = chosen.tokens
        self.query_one(RowPane).show(seen, chosen.cut)
        limits = await asyncio.to_thread(by_limit, seen, tokens)
        strategies = await asyncio.to_thread(by_strategy, seen, tokens)
        groups = await asyncio.to_thread(by_group, seen, chosen.cut)
        if not self.screen.display:
            return
        beside = f"first {figures.count(len(seen.rows))} rows" if seen.is_sample else ""
        named = {figures.count(limit): found for limit, found in limits.items()}
        self._pane("limits").show(cut_table(named, figures.count(tokens.max_length)), beside)
        self._pane("strategies").show(cut_table(strategies, tokens.truncation), beside)
        self._pane("groups").show(cut_table(groups, None), beside)
        way_out = "" if profile.split.by == "prompt" else hint(self, "split", '; {} sets split.by = "prompt"').plain
        self._pane("hygiene").show(hygiene_text(seen, way_out), beside)

    def move(self, lines: int) -> None:
        """Move the cursor among the rows, or scroll the pane in front."""
        if self.current == "rows":
            table = self.query_one(RowPane).table
            table.move_to(table.cursor + lines)
        else:
            self._pane(self.current).scroll_relative(y=lines, animate=False)

    def _pane(self, name: str) -> TextPane:
        return self.query_one(f"#{name}", TextPane)
