"""The panes below the limit: tables of other limits and strategies, groups of rows, hygiene, and single rows."""

import asyncio

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.reactive import var
from textual.widgets import Tab, Tabs

from arena_tui import figures
from arena_tui.inspected import Inspected, Outlook, by_group, by_limit, by_strategy
from arena_tui.widgets.cut_table import cut_table
from arena_tui.widgets.hygiene import hygiene_text
from arena_tui.widgets.row_pane import RowPane
from arena_tui.widgets.text_pane import TextPane
from core.profile.settings import Profile

SECONDS_UNTIL_TABLES = 0.15
"""The tables follow once the limit has stood still for so long: they take a quarter of a second."""
PANES = ("rows", "limits", "strategies", "groups", "hygiene")
TABLES = ("limits", "strategies")
WIDE, HIGH = 110, 32
"""From this size on, as the app's own breakpoints say, both tables are always seen, beside each other."""


class DataPanes(Vertical):
    """Rows, groups and hygiene take turns below the two tables; on small terminals all five do."""

    DEFAULT_CSS = """
    DataPanes {
        height: 1fr;
        Tabs { height: 1; }
        Underline { display: none; }
        #panes { height: 1fr; layout: grid; grid-size: 2 2; grid-rows: 10 1fr; }
        #rows, #groups, #hygiene { display: none; column-span: 2; }
        #panes > .-current { display: block; border: round $accent; border-title-color: $accent; }
        &.-small {
            #panes { layout: vertical; }
            #panes > * { display: none; width: 1fr; height: 1fr; }
            #panes > .-current { display: block; }
        }
    }
    """

    current: var[str] = var("rows")

    def compose(self) -> ComposeResult:
        tabs = Tabs(*(Tab(name, id=f"tab-{name}") for name in PANES))
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            yield TextPane("limits", id="limits")
            yield TextPane("strategies", id="strategies")
            yield RowPane(id="rows")
            yield TextPane("by winner and split", id="groups")
            yield TextPane("hygiene", id="hygiene")

    def on_mount(self) -> None:
        self.choose("rows")

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
        self._pane("hygiene").show(hygiene_text(seen, profile), beside)

    def move(self, lines: int) -> None:
        """Move the cursor among the rows, or scroll the pane in front."""
        if self.current == "rows":
            table = self.query_one(RowPane).table
            table.move_to(table.cursor + lines)
        else:
            self._pane(self.current).scroll_relative(y=lines, animate=False)

    @property
    def page(self) -> int:
        """Lines of the pane in front."""
        return max(1, self.query_one(f"#{self.current}").scrollable_content_region.height - 1)

    def turn(self, direction: int) -> None:
        """To the next pane that takes turns, or the one before."""
        names = [name for name in PANES if name not in TABLES or self.has_class("-small")]
        self.choose(names[(names.index(self.current) + direction) % len(names)])

    def choose(self, name: str) -> None:
        """Bring a pane to the front."""
        self.current = name
        for pane in PANES:
            self.query_one(f"#{pane}").set_class(pane == name, "-current")
        self.query_one(Tabs).active = f"tab-{name}"

    def on_resize(self) -> None:
        is_small = self.screen.size.width < WIDE or self.screen.size.height < HIGH
        self.set_class(is_small, "-small")
        for name in TABLES:
            self.query_one(f"#tab-{name}").display = is_small
        if not is_small and self.current in TABLES:
            self.choose("rows")

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        if event.tab.id == event.tabs.active:  # else another pane was chosen meanwhile
            self.choose((event.tab.id or "").removeprefix("tab-"))

    def _pane(self, name: str) -> TextPane:
        return self.query_one(f"#{name}", TextPane)
