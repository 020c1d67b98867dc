"""Compare: which run is better, and why? Two to six runs in one plot, their figures, and the settings that differ."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static, Tab, Tabs

from arena_tui.children.child import in_thread
from arena_tui.compare.plot import ComparisonPlot
from arena_tui.compare.tables import figures_table, settings_table
from arena_tui.compare.view import Settings, cautions, differences, measures, read_settings
from arena_tui.dialogs.ask import choose
from arena_tui.plot.axes import Axis
from arena_tui.plot.curve import SMOOTHINGS
from arena_tui.plot.pane import AXIS_KEYS, SMOOTHING_KEYS
from arena_tui.runs.curve_files import export
from arena_tui.runs.follow import Follower, RunView
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import PANES_IN_TURN, named, numbered, up_and_down
from arena_tui.widgets.pane import TextPane
from core.runs.folder import RunFolder

SECONDS_BETWEEN_READS = 1.0
SECONDS_WHEN_OVER = 5.0
LEAST_LINES = 28
"""Of a screen, for curves above the tables."""
TABLE_CELLS, RUN_CELLS = 14, 10
"""Of the table of figures: its names and frame, and what each run adds."""
NAMES = ("curves", "figures", "settings")


class CompareScreen(ConsoleScreen[None]):
    AUTO_FOCUS = ""
    CHANGES = frozenset({"write"})
    BINDINGS: ClassVar[list[BindingType]] = named(
        "compare",
        Binding("x", "axis", "Axis", group=AXIS_KEYS, tooltip="Curves by step, epoch, tokens or time"),
        Binding("X", "choose_axis", "Axes", group=AXIS_KEYS, tooltip="Choose the x axis of the curves"),
        Binding(
            "plus,equals_sign",
            "smooth(1)",
            "Smoother",
            key_display="+",
            group=SMOOTHING_KEYS,
            tooltip="Smooth the losses more, or less",
        ),
        Binding(
            "minus",
            "smooth(-1)",
            "Rougher",
            key_display="-",
            group=SMOOTHING_KEYS,
            tooltip="Smooth the losses more, or less",
        ),
        *PANES_IN_TURN,
        Binding("w", "write", "Write CSV", tooltip="Write every point of these curves to a file"),
        Binding("z", "zoom", "Zoom", tooltip="Only this pane on the screen, and back"),
        *numbered(len(NAMES)),
        *up_and_down("scroll_text", "scroll_text", 10, "in the figures or the settings"),
        Binding("escape", "dismiss", "Back", key_display="esc", tooltip="Back to the table of runs"),
    )

    DEFAULT_CSS = """
    CompareScreen {
        #top { height: 1; padding: 0 1; background: $panel; color: $accent; text-style: bold; }
        Tabs { display: none; height: 1; }
        Underline { display: none; }
        Tab { padding: 0 0 0 1; }
        #panes { height: 1fr; layout: grid; grid-size: 2 2; grid-rows: 1fr 14; }
        #curves { column-span: 2; }
        #figures.-current, #settings.-current { border: round $accent; border-title-color: $accent; }

        /* One pane at a time, chosen by tabs: on small terminals, for many runs, and where a pane is zoomed. */
        &.-single, &.-zoomed {
            Tabs { display: block; }
            #panes { layout: vertical; }
            #panes > * { display: none; width: 1fr; height: 1fr; }
            #panes > .-current { display: block; }
        }
    }
    """

    runs: var[tuple[RunView, ...]] = var(())
    current: var[int] = var(0)

    def __init__(self, folders: Sequence[RunFolder]) -> None:
        super().__init__()
        self._followers = [Follower(folder) for folder in folders]
        self._settings: list[Settings] = [{} for _ in folders]

    def compose(self) -> ComposeResult:
        yield Static(Content(f"{len(self._followers)} runs compared"), id="top")
        tabs = Tabs(*(Tab(f"{n} {name}", id=f"tab-{name}") for n, name in enumerate(NAMES, 1)))
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            yield ComparisonPlot(id="curves").data_bind(CompareScreen.runs)
            yield TextPane("figures", id="figures")
            yield TextPane("settings that differ", id="settings")
        yield Footer()

    def on_mount(self) -> None:
        self.follow()

    @property
    def is_ready(self) -> bool:
        return bool(self.runs)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action == "write" and not self.is_ready:
            return "the runs are being read"
        return super().why_not(action, parameters)

    @work
    async def follow(self) -> None:
        """Read on and on: a run that is over may be resumed."""
        folders = [follower.folder for follower in self._followers]
        self._settings = await in_thread(lambda: [read_settings(folder) for folder in folders])
        while True:
            runs = await in_thread(lambda: tuple(follower.read() for follower in self._followers))
            if not self.display:  # it is being left
                return
            self.runs = runs
            is_over = all(run.is_settled for run in runs)
            await asyncio.sleep(SECONDS_WHEN_OVER if is_over else SECONDS_BETWEEN_READS)

    def watch_runs(self, before: tuple[RunView, ...], runs: tuple[RunView, ...]) -> None:
        if runs and not before:
            self.refresh_bindings()
        if runs:
            table = figures_table(runs, measures(runs))
            self.query_one("#figures", TextPane).show(lambda _: table)
            found, warnings = differences(self._settings), cautions(self._settings)
            self.query_one("#settings", TextPane).show(partial(settings_table, found, warnings))

    def watch_current(self, current: int) -> None:
        for name in NAMES:
            self.query_one(f"#{name}").set_class(name == NAMES[current], "-current")
        self.query_one(Tabs).active = f"tab-{NAMES[current]}"

    def on_resize(self) -> None:
        width, height = self.size
        has_room = height >= LEAST_LINES and 2 * (TABLE_CELLS + RUN_CELLS * len(self._followers)) <= width
        self.set_class(not has_room, "-single")

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        if event.tab.id == event.tabs.active:  # else another pane was chosen meanwhile
            self.current = NAMES.index((event.tab.id or "").removeprefix("tab-"))

    def action_pane(self, direction: int) -> None:
        self.current = (self.current + direction) % len(NAMES)

    def action_pane_at(self, index: int) -> None:
        self.action_pane(index - self.current)

    def action_zoom(self) -> None:
        self.toggle_class("-zoomed")

    def action_axis(self) -> None:
        plot = self.query_one(ComparisonPlot)
        plot.axis = plot.axis.following

    @work(group=OPENING)
    async def action_choose_axis(self) -> None:
        curves = self.query_one(ComparisonPlot)
        if chosen := await choose(self.app, "curves by", [axis.value for axis in Axis], curves.axis.value):
            curves.axis = Axis(chosen)

    def action_smooth(self, direction: int) -> None:
        plot = self.query_one(ComparisonPlot)
        index = SMOOTHINGS.index(plot.smoothing) + direction
        plot.smoothing = SMOOTHINGS[min(len(SMOOTHINGS) - 1, max(0, index))]

    def action_scroll_text(self, lines: int) -> None:
        name = NAMES[self.current] if self.current else "figures"
        self.query_one(f"#{name}", TextPane).scroll_relative(y=lines, animate=False)

    @work
    async def action_write(self) -> None:
        await export(self.app, self.runs)
