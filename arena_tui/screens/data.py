"""Data: what will the model be shown? What a profile's limit and strategy leave of its rows, and what others would."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import Footer, Static, Tab, Tabs

from arena_tui import figures
from arena_tui.cost import cost_lines
from arena_tui.inspected import Inspected, Outlook, by_group, by_limit, by_strategy, outlook
from arena_tui.plain import printable, printable_lines
from arena_tui.profiles import ProfileView
from arena_tui.screens.inspection_screen import InspectionScreen
from arena_tui.screens.row import RowScreen
from arena_tui.widgets.cut_summary import CutSummary
from arena_tui.widgets.cut_table import cut_table
from arena_tui.widgets.histogram import Histogram
from arena_tui.widgets.hygiene import hygiene_text
from arena_tui.widgets.row_pane import RowPane
from arena_tui.widgets.text_pane import TextPane
from core.inspect.progress import INSPECT
from core.profile.edit import Value
from core.profile.errors import SettingError
from core.profile.settings import TRUNCATIONS, Tokens

STEP = 64
LONGEST = 131_072
SECONDS_UNTIL_TABLES = 0.15
"""The tables follow once the limit has stood still for so long: they take a quarter of a second."""
PANES = ("rows", "limits", "strategies", "groups", "hygiene")
LIMIT_KEYS = Binding.Group("Limit", compact=True)


class DataScreen(InspectionScreen):
    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "−64", key_display="←", group=LIMIT_KEYS, tooltip="Move the limit by 64 tokens"),
        Binding("right", "move(1)", "+64", key_display="→", group=LIMIT_KEYS, tooltip="Move the limit by 64 tokens"),
        Binding(
            "less_than_sign,shift+left",
            "move(-8)",
            "−512",
            key_display="<",
            group=LIMIT_KEYS,
            tooltip="Move the limit by 512 tokens",
        ),
        Binding(
            "greater_than_sign,shift+right",
            "move(8)",
            "+512",
            key_display=">",
            group=LIMIT_KEYS,
            tooltip="Move the limit by 512 tokens",
        ),
        Binding("t", "strategy(1)", "Strategy", tooltip="Another way to cut long rows, or the one before"),
        Binding("T", "strategy(-1)", "Before", show=False, tooltip="Another way to cut long rows, or the one before"),
        Binding("o", "own", "Own", show=False, tooltip="Back to the profile's own limit and strategy"),
        Binding("w", "write", "Write", tooltip="Write the chosen limit and strategy into the profile"),
        Binding("p", "split", "Split", show=False, tooltip='Write split.by = "prompt", so that no prompt leaks'),
        Binding("tab", "pane(1)", "Pane", key_display="tab", tooltip="The next pane, or the one before"),
        Binding("shift+tab", "pane(-1)", "Pane before", show=False, tooltip="The next pane, or the one before"),
        Binding("f", "filter(1)", "Filter", tooltip="List other rows: over the limit, B gone, ties, and so on"),
        Binding("F", "filter(-1)", "Before", show=False, tooltip="List other rows: over the limit, B gone, and so on"),
        Binding("s", "sort", "Sort", show=False, tooltip="Rows as in the file, by length, or by tokens lost"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Rows that hold a text, or have an id"),
        Binding("enter", "open", "Row", tooltip="The chosen row in full, with its cut"),
        Binding("down,j", "down(1)", "Down", show=False, tooltip="Down and up in this pane"),
        Binding("up,k", "down(-1)", "Up", show=False, tooltip="Down and up in this pane"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="A page down or up in this pane"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="A page down or up in this pane"),
        Binding("home", "down(-1_000_000_000)", "First", show=False, tooltip="To the first row, or the last"),
        Binding("end", "down(1_000_000_000)", "Last", show=False, tooltip="To the first row, or the last"),
        Binding("escape", "back", "Back", key_display="esc", tooltip="End the search, or leave the data"),
    ]

    DEFAULT_CSS = """
    DataScreen {
        #top { height: 1; padding: 0 1; background: $panel; }
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        #state.-warning { color: $text-warning; }
        #problem { display: none; padding: 1 2; }
        #what-if { height: 12; }
        Histogram { width: 1fr; }
        Tabs { height: 1; }
        Underline { display: none; }
        #panes { height: 1fr; layout: grid; grid-size: 2 2; grid-rows: 10 1fr; }

        /* Rows, groups and hygiene take turns below the two tables; on small terminals all five do. */
        #rows, #groups, #hygiene { display: none; column-span: 2; }
        #panes > .-current { display: block; border: round $accent; border-title-color: $accent; }
        &.-narrow, &.-low {
            #what-if { height: 9; }
            #panes { layout: vertical; }
            #panes > * { display: none; width: 1fr; height: 1fr; }
            #panes > .-current { display: block; }
        }
        &.-failed #what-if, &.-failed #panes, &.-failed Tabs { display: none; }
        &.-failed #problem { display: block; }
    }
    """

    current: var[str] = var("rows")

    def __init__(self, profile: ProfileView, program: Sequence[str] = INSPECT) -> None:
        super().__init__(profile, program)
        self._tokens: Tokens = self.settings.tokens
        self._own: Outlook | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(id="title", markup=False)
            yield Static(id="state", markup=False)
        yield Static(id="problem", markup=False)
        with Horizontal(id="what-if"):
            yield Histogram()
            yield CutSummary()
        tabs = Tabs(*(Tab(name, id=f"tab-{name}") for name in PANES))
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            yield TextPane("limits", id="limits")
            yield TextPane("strategies", id="strategies")
            yield RowPane(id="rows")
            yield TextPane("by winner and split", id="groups")
            yield TextPane("hygiene", id="hygiene")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._choose("rows")
        self._show_state()

    def watch_progress(self) -> None:
        if self.is_mounted:
            self._show_state()

    def watch_is_changed(self) -> None:
        if self.is_mounted:
            self._show_state()

    def watch_problem(self, problem: str) -> None:
        self.set_class(bool(problem), "-failed")
        if self.is_mounted:
            words = "\n".join(printable_lines(problem))
            way_out = "e edits the profile, r reads again, esc goes back"
            self.query_one("#problem", Static).update(
                Content.assemble((f"✗ {words}", "bold $text-error"), f"\n\n{way_out}")
            )

    def show_rows(self, seen: Inspected) -> None:
        try:
            self._own = outlook(seen, self.settings, self.settings.tokens)
        except SettingError as error:
            self.problem = str(error)
            return
        self.query_one(Histogram).load(seen.full)
        self._show_state()
        self._look_at(self._tokens)

    def _show_state(self) -> None:
        self.query_one("#title", Static).update(printable(self.profile.name))
        state = self.query_one("#state", Static)
        state.set_class(self.is_changed, "-warning")
        state.update("! the file was changed: r reads it again" if self.is_changed else self._how_far())

    def _how_far(self) -> str:
        progress, seen = self.progress, self.seen
        about = f"{figures.count(progress.rows)} of about {figures.count(progress.of)} rows" if progress.of else "…"
        if seen is None or (seen.is_sample and not progress.of):
            return f"reading {printable(self.settings.data.train)} {about}"
        if seen.is_sample:
            error = 100 * seen.margin(len(seen.rows) // 2)
            return f"a sample: the first {figures.count(len(seen.rows))} rows, ±{error:.1f} at most · read {about}"
        percents = seen.lengths.percentiles
        return (
            f"{figures.count(len(seen.rows))} rows · median {figures.count(percents[50])}, "
            f"longest {figures.count(percents[100])} tokens · {printable(self.settings.data.train)}"
        )

    def _look_at(self, tokens: Tokens) -> None:
        """Show what is left under these settings; the tables follow."""
        seen, own = self.seen, self._own
        if seen is None or own is None:
            return
        try:
            chosen = outlook(seen, self.settings, tokens)
        except SettingError as error:
            self.notify(printable(str(error)), severity="warning", markup=False)
            return
        self._tokens = tokens
        self.query_one(Histogram).show(tokens.max_length)
        costs = cost_lines(replace(self.settings, tokens=tokens), chosen.epoch)
        self.query_one(CutSummary).show(seen, chosen, own, costs)
        self.follow(seen, chosen)

    # Without a description, Textual writes one from the arguments: 20 ms for these.
    @work(exclusive=True, group="follow", description="the tables follow")
    async def follow(self, seen: Inspected, chosen: Outlook) -> None:
        """Bring tables and rows to the chosen settings, once these have stood still for a moment."""
        await asyncio.sleep(SECONDS_UNTIL_TABLES)
        tokens = chosen.tokens
        self.query_one(RowPane).show(seen, chosen.cut)
        limits = await asyncio.to_thread(by_limit, seen, tokens)
        strategies = await asyncio.to_thread(by_strategy, seen, tokens)
        groups = await asyncio.to_thread(by_group, seen, chosen.cut)
        beside = f"first {figures.count(len(seen.rows))} rows" if seen.is_sample else ""
        named = {figures.count(limit): found for limit, found in limits.items()}
        chosen_limit = figures.count(tokens.max_length)
        self.query_one("#limits", TextPane).show(cut_table(named, chosen_limit), beside)
        self.query_one("#strategies", TextPane).show(cut_table(strategies, tokens.truncation), beside)
        self.query_one("#groups", TextPane).show(cut_table(groups, None), beside)
        self.query_one("#hygiene", TextPane).show(hygiene_text(seen, self.settings), beside)

    def action_move(self, steps: int) -> None:
        """To the next multiple of STEP in that direction, or several of them."""
        here = self._tokens.max_length
        aligned = here // STEP if steps > 0 else -(-here // STEP)
        limit = max(STEP, min(LONGEST, (aligned + steps) * STEP))
        self._look_at(replace(self._tokens, max_length=limit))

    def action_strategy(self, direction: int) -> None:
        at = TRUNCATIONS.index(self._tokens.truncation) + direction
        self._look_at(replace(self._tokens, truncation=TRUNCATIONS[at % len(TRUNCATIONS)]))

    def action_own(self) -> None:
        self._look_at(self.settings.tokens)

    @work(exclusive=True, group="write")
    async def action_write(self) -> None:
        own, chosen = self.settings.tokens, self._tokens
        values: list[tuple[str, Value]] = []
        if chosen.max_length != own.max_length:
            values.append(("tokens.max_length", chosen.max_length))
        if chosen.truncation != own.truncation:
            values.append(("tokens.truncation", chosen.truncation))
        if values:
            await self.write(values)
        else:
            self.notify("The profile has this limit and strategy already.")

    @work(exclusive=True, group="write")
    async def action_split(self) -> None:
        if self.settings.split.by == "prompt":
            self.notify("The profile is split by prompt already.")
        else:
            await self.write([("split.by", "prompt")])

    def action_filter(self, direction: int) -> None:
        self._choose("rows")
        self.query_one(RowPane).turn_filter(direction)

    def action_sort(self) -> None:
        self._choose("rows")
        self.query_one(RowPane).turn_order()

    def action_search(self) -> None:
        self._choose("rows")
        self.query_one(RowPane).open_search()

    @work(exclusive=True, group="open")
    async def action_open(self) -> None:
        table, seen = self.query_one(RowPane).table, self.seen
        if seen is None or table.chosen is None or self.problem:
            return
        if seen.is_sample:
            self.notify("A row can be opened once all rows have been read.")
            return
        last = await self.app.push_screen_wait(RowScreen(seen, self._tokens, table.numbers, table.cursor))
        table.move_to(last)

    def action_down(self, lines: int) -> None:
        if self.current == "rows":
            table = self.query_one(RowPane).table
            table.move_to(table.cursor + lines)
        else:
            self.query_one(f"#{self.current}").scroll_relative(y=lines, animate=False)

    def action_page(self, direction: int) -> None:
        self.action_down(direction * max(1, self.query_one(RowPane).table.page))

    def action_back(self) -> None:
        if not self.query_one(RowPane).end_search():
            self.dismiss()

    def action_pane(self, direction: int) -> None:
        names = [name for name in PANES if self.query_one(f"#tab-{name}").display]
        here = names.index(self.current) if self.current in names else 0
        self._choose(names[(here + direction) % len(names)])

    def on_resize(self) -> None:
        """Where the two tables are always there, they need no tabs."""
        always = self.size.width >= 110 and self.size.height >= 32
        for name in ("limits", "strategies"):
            self.query_one(f"#tab-{name}").display = not always
        if always and self.current in ("limits", "strategies"):
            self._choose("rows")

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        self._choose((event.tab.id or "").removeprefix("tab-"))

    def _choose(self, name: str) -> None:
        self.current = name
        for pane in PANES:
            self.query_one(f"#{pane}").set_class(pane == name, "-current")
        self.query_one(Tabs).active = f"tab-{name}"
