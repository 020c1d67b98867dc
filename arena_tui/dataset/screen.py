"""Data: what will the model be shown? What a profile's limit and strategy leave of its rows, and what others would."""

from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Footer, Static

from arena_tui.children.child import answers, ask
from arena_tui.dataset.cuts import CutSummary, cost_lines
from arena_tui.dataset.histogram import Histogram
from arena_tui.dataset.panes import DataPanes
from arena_tui.dataset.reading import InspectionLine, InspectionScreen, how_far
from arena_tui.dataset.row_pane import RowPane
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable, printable_lines
from arena_tui.rows.reader import RowScreen
from arena_tui.rows.view import Inspected, Outlook, outlook
from arena_tui.screen.keymap import hint, named
from arena_tui.screen.profiles import ProfileView
from core.inspect.protocol import INSPECT
from core.plan.protocol import PLAN, Plan
from core.profile.edit import Value
from core.profile.errors import SettingError
from core.profile.settings import TRUNCATIONS, Tokens

STEP = 64
LONGEST = 131_072
LIMIT_KEYS = Binding.Group("Limit", compact=True)
NEAR = "Move the limit by 64 tokens"
FAR = "Move the limit by 512 tokens"
STRATEGY = "Another way to cut long rows, or the one before"
FILTER = "List other rows: over the limit, B gone, ties, and so on"


class DataScreen(InspectionScreen):
    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = named(
        "data",
        Binding("left", "move(-1)", "64 lower", key_display="←", group=LIMIT_KEYS, tooltip=NEAR),
        Binding("right", "move(1)", "64 higher", key_display="→", group=LIMIT_KEYS, tooltip=NEAR),
        Binding("less_than_sign,shift+left", "move(-8)", "512 lower", key_display="<", group=LIMIT_KEYS, tooltip=FAR),
        Binding(
            "greater_than_sign,shift+right", "move(8)", "512 higher", key_display=">", group=LIMIT_KEYS, tooltip=FAR
        ),
        Binding("t", "strategy(1)", "Strategy", tooltip=STRATEGY),
        Binding("T", "strategy(-1)", "Strategy before", show=False, tooltip=STRATEGY),
        Binding("o", "own", "Own", show=False, tooltip="Back to the profile's own limit and strategy"),
        Binding("w", "write", "Write", tooltip="Write the chosen limit and strategy into the profile"),
        Binding("tab", "pane(1)", "Pane", key_display="tab", tooltip="The next pane, or the one before"),
        Binding("shift+tab", "pane(-1)", "Pane before", show=False, tooltip="The next pane, or the one before"),
        Binding("f", "filter(1)", "Filter", tooltip=FILTER),
        Binding("F", "filter(-1)", "Filter before", show=False, tooltip=FILTER),
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
    )

    DEFAULT_CSS = """
    DataScreen {
        #problem { display: none; padding: 1 2; }
        #what-if { height: 12; }
        Histogram { width: 1fr; }
        &.-narrow #what-if, &.-low #what-if { height: 10; }
        &.-failed #what-if, &.-failed DataPanes { display: none; }
        &.-failed #problem { display: block; }
    }
    """

    plan: var[Plan | None] = var(None)
    """What the limit costs is told from it."""

    def __init__(
        self,
        profile: ProfileView,
        runs: Path,
        program: Sequence[str] = INSPECT,
        plan_program: Sequence[str] = PLAN,
        child: Process | None = None,
    ) -> None:
        super().__init__(profile, program, child)
        self._runs = runs
        self._plan_program = plan_program
        self._tokens: Tokens = self.settings.tokens
        self._own: Outlook | None = None

    def compose(self) -> ComposeResult:
        yield InspectionLine()
        yield Static(id="problem", markup=False)
        with Horizontal(id="what-if"):
            yield Histogram()
            yield CutSummary()
        yield DataPanes()
        yield Footer(compact=True, show_command_palette=False)

    @property
    def in_front(self) -> Widget:
        return self._panes.query_one(f"#{self._panes.current}")

    def on_mount(self) -> None:
        self._show_state()

    def watch_progress(self) -> None:
        if self.is_mounted and self.display:
            self._show_state()

    def watch_is_changed(self) -> None:
        if self.is_mounted and self.display:
            self._show_state()

    def watch_problem(self, problem: str) -> None:
        self.set_class(bool(problem), "-failed")
        if self.is_mounted and self.display:
            words = "\n".join(printable_lines(problem))
            ways_out = (("edit", "{} edits the profile, "), ("read", "{} reads again, "), ("back", "{} goes back"))
            self.query_one("#problem", Static).update(
                Content.assemble(
                    (f"✗ {words}", "bold $text-error"), "\n\n", *(hint(self, *way_out) for way_out in ways_out)
                )
            )

    def show_rows(self, seen: Inspected) -> None:
        try:
            own = outlook(seen, self.settings, self.settings.tokens)
        except SettingError as error:
            self.problem = str(error)
            return
        if self._own is None or self._own.tokens != own.tokens:
            self._tokens = own.tokens
        self._own = own
        histogram = self.query_one(Histogram)
        histogram.load(seen.full)
        histogram.border_subtitle = Content(
            " ".join(f"p{p} {numbers.count(seen.lengths.percentiles[p])}" for p in (50, 90, 99))
        )
        self._show_state()
        self._look_at(self._tokens)

        if not seen.is_sample and self.plan is None:
            self.ask_for_the_plan()

    @work(exclusive=True, group="plan")
    async def ask_for_the_plan(self) -> None:
        """Ask the plan child until it has told memory and time; the rest takes longer and is not needed."""
        arguments = [str(self._runs), str(self.profile.path)]
        with suppress(OSError):
            async with aclosing(answers(await ask(self._plan_program, *arguments), Plan)) as plans:
                async for plan in plans:
                    if plan.memory or plan.time:
                        self.plan = plan
                        break

    def watch_plan(self) -> None:
        if self._own is not None and self.display:
            self._look_at(self._tokens)

    def _show_state(self) -> None:
        read = how_far(self.progress, self.seen, self.settings.data.train)
        changed = "! the file was changed" + hint(self, "read", "; {} reads it again").plain
        state = changed if self.is_changed else read
        self.query_one(InspectionLine).show(self.profile.name, state, is_warning=self.is_changed)

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
        costs = cost_lines(self.plan, self.settings, chosen, own)
        self.query_one(CutSummary).show(seen, chosen, own, costs)
        self.query_one(DataPanes).show(seen, self.settings, chosen)

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

    def action_filter(self, direction: int) -> None:
        self._panes.to_rows().turn_filter(direction)

    def action_sort(self) -> None:
        self._panes.to_rows().turn_order()

    def action_search(self) -> None:
        self._panes.to_rows().open_search()

    @work(exclusive=True, group="open")
    async def action_open(self) -> None:
        table, seen = self._panes.to_rows().table, self.seen
        if seen is None or table.chosen is None or self.problem:
            return
        if seen.is_sample:
            self.notify("A row can be opened once all rows have been read.")
            return
        last = await self.app.push_screen_wait(RowScreen(seen, self._tokens, table.numbers, table.cursor))
        table.move_to(last)

    def action_down(self, lines: int) -> None:
        self._panes.move(lines)

    def action_page(self, direction: int) -> None:
        self._panes.move(direction * self._panes.page)

    def action_pane(self, direction: int) -> None:
        self._panes.turn(direction)

    def action_back(self) -> None:
        if not self.query_one(RowPane).end_search():
            self.dismiss()

    @property
    def _panes(self) -> DataPanes:
        return self.query_one(DataPanes)
