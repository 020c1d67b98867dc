"""The panes of the monitor: all in sight or one at a time, one of them in front, and where in the run the curves look.

Does not know where the run comes from, nor what is done to it.
"""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Tab, Tabs

from arena_tui.monitor.curves import LossPane, gradient_norm, learning_rate, throughput
from arena_tui.monitor.figures import FiguresPane
from arena_tui.monitor.memory import MemoryPane
from arena_tui.monitor.ranks import RanksPane
from arena_tui.plot.axes import Axis
from arena_tui.plot.curve import SMOOTHINGS, Window, showing, zoomed
from arena_tui.plot.pane import PlotPane
from arena_tui.runs.follow import RunView
from arena_tui.runs.panes import LogPane, Pane

WIDE, MEDIUM = (110, 32), (90, 28)
"""Columns and lines of a screen from which on all panes are seen, or three of them."""
ALL_NAMES = (80, 90)
"""Columns for the tabs with whole names, without and with that of the ranks; else with the last word of each."""
ALWAYS_SEEN = 2
"""Loss and figures, where there is room for three panes."""
RANKS = 7
"""The place of the ranks, the last of the panes."""
TRAINED, RANKED, AVERAGED = tuple(range(RANKS)), tuple(range(RANKS + 1)), (1, 6)
"""The places of the panes that a run has, one of several ranks, and an average, which trains no step."""


class MonitorPanes(Vertical):
    """The view is bound down."""

    SCOPED_CSS = False  # it is laid out as large as the screen is
    DEFAULT_CSS = """
    MonitorPanes {
        height: 1fr;
        Tabs { display: none; height: 1; }
        Underline { display: none; }
        Tab { padding: 0 0 0 1; }
        #panes {
            height: 1fr;
            layout: grid;
            grid-size: 12 3;
            grid-rows: 2fr 1fr 1fr;
        }
        #loss { column-span: 7; }
        #figures { column-span: 5; }
        #learning-rate, #gradient, #throughput { column-span: 4; }
        #log { column-span: 8; }
        #memory { column-span: 4; }
    }
    MonitorPanes.-ranked {
        #panes { grid-size: 13 3; }
        #figures { column-span: 6; }
        #learning-rate, #gradient, #throughput { column-span: 3; }
        #log { column-span: 7; }
        #ranks { column-span: 6; }
    }
    MonitorPanes Pane.-absent { display: none; }
    MonitorPanes.-averaged {
        #panes { grid-size: 12 1; grid-rows: 1fr; }
        #figures { column-span: 6; }
        #log { column-span: 6; }
    }
    /* Loss and figures, and below them one of the others, chosen by tabs. */
    MonitorPanes.-medium {
        Tabs { display: block; }
        #panes { grid-size: 2 2; grid-rows: 15 1fr; }
        Pane { display: none; column-span: 2; }
        #loss, #figures { display: block; column-span: 1; }
        Pane.-below { display: block; }
    }
    /* One pane at a time, chosen by tabs: on small terminals, and where a pane is zoomed. */
    MonitorPanes.-small, MonitorPanes.-zoomed {
        Tabs { display: block; }
        #panes { layout: vertical; }
        #panes > Pane { display: none; width: 1fr; height: 1fr; }
        #panes > Pane.-current { display: block; }
    }
    """

    view: var[RunView | None] = var(None)
    current: var[int] = var(0)
    there: var[tuple[int, ...]] = var(TRAINED)
    """The places of the panes that this run has."""
    axis: var[Axis] = var(Axis.STEP)
    cursor: var[int | None] = var(None)
    """The logged step under the crosshair; None while there is none."""
    window: var[Window | None] = var(None)
    """The part of the run in the curves; None is all of it, as far as it goes."""

    def __init__(self) -> None:
        super().__init__()
        self._panes: list[Pane] = [
            LossPane(id="loss"),
            FiguresPane(id="figures"),
            learning_rate(),
            gradient_norm(),
            throughput(),
            MemoryPane(id="memory"),
            LogPane(id="log"),
            RanksPane(id="ranks"),
        ]
        for number, pane in enumerate(self._panes, 1):
            pane.number = number

    def compose(self) -> ComposeResult:
        tabs = Tabs(*(Tab(f"{pane.number} {pane.tab_name}") for pane in self._panes))
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            for pane in self._panes:
                pane.data_bind(MonitorPanes.view)
                if isinstance(pane, PlotPane):
                    pane.data_bind(MonitorPanes.axis, MonitorPanes.cursor, MonitorPanes.window)
                yield pane

    def on_mount(self) -> None:
        self.query_one(LogPane).add_class("-below")
        self.choose(0)

    def watch_view(self, view: RunView | None) -> None:
        if view and (started := view.state.started):
            self.there = AVERAGED if started.average else RANKED if started.ranks else TRAINED

    def watch_there(self) -> None:
        if self.is_mounted:
            self._lay_out()
            if self.current not in self.there:
                self.choose(self.there[0])

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width, height = self.screen.size
        is_small = width < MEDIUM[0] or height < MEDIUM[1]
        is_wide = (width >= WIDE[0] and height >= WIDE[1]) or (self.there is AVERAGED and not is_small)
        self.set_class(is_small, "-small")
        self.set_class(not is_small and not is_wide, "-medium")
        self.set_class(self.there is RANKED and is_wide, "-ranked")
        self.set_class(self.there is AVERAGED and is_wide, "-averaged")
        for place, (tab, pane) in enumerate(zip(self.query(Tab), self._panes, strict=True)):
            tab.display = place in self.there
            pane.set_class(place not in self.there, "-absent")
            name = pane.tab_name if width >= ALL_NAMES[self.there is RANKED] else pane.tab_name.split()[-1]
            tab.label = Content(f"{pane.number} {name}")

    @property
    def in_front(self) -> Pane:
        """The pane that keys are for."""
        return self._panes[self.current]

    def turn_log(self) -> None:
        """Loss on a logarithmic axis, and back."""
        loss = self.query_one(LossPane)
        loss.is_log = not loss.is_log

    def smooth(self, direction: int) -> None:
        """Smooth the loss more, or less."""
        loss = self.query_one(LossPane)
        index = SMOOTHINGS.index(loss.smoothing) + direction
        loss.smoothing = SMOOTHINGS[min(len(SMOOTHINGS) - 1, max(0, index))]

    def turn_axis(self) -> None:
        """All curves by the next of step, epoch, tokens and time."""
        self.axis = self.axis.following

    def turn_crosshair(self) -> None:
        """Put the crosshair on the newest step in sight, or away."""
        if self.cursor is not None:
            self._point(None)
        elif self.view and self.view.state.steps:
            if not isinstance(self._panes[self.current], PlotPane):
                self.choose(0)
            newest = self.view.state.steps[-1].step
            self._point(newest if self.window is None else min(newest, round(self.window.last)))

    def magnify(self, factor: float, around: float | None) -> None:
        """`factor` times as much of the run in the curves; the step `around`, else the newest in sight, stays."""
        if self.view:
            self.window = zoomed(self.window, self.view.state, self.view.status.is_over, factor, around)

    def show_all(self) -> None:
        """The whole run in the curves."""
        self.window = None

    def on_plot_pane_pointed(self, message: PlotPane.Pointed) -> None:
        if message.step is not None:
            self.choose(self._panes.index(message.pane))
        self._point(message.step)

    def on_plot_pane_wheeled(self, message: PlotPane.Wheeled) -> None:
        self.magnify(message.factor, message.step)

    def _point(self, step: int | None) -> None:
        """Put the crosshair on a step, in sight, or away."""
        if step is not None and self.view:
            self.window = showing(self.window, self.view.state, self.view.status.is_over, step)
        self.cursor = step
        self._focus_crosshair()

    def _focus_crosshair(self) -> None:
        """The pane in which the crosshair is moved takes the keys for it."""
        pane = self._panes[self.current]
        self.screen.set_focus(pane if self.cursor is not None and isinstance(pane, PlotPane) else None)

    def turn(self, direction: int) -> None:
        """To the next pane, or the one before."""
        self.choose(self.there[(self.there.index(self.current) + direction) % len(self.there)])

    def scroll_text(self, lines: int) -> None:
        """Scroll the figures or the ranks where they are in front, else the log."""
        pane = self._panes[self.current]
        text = pane if isinstance(pane, FiguresPane | RanksPane) else self.query_one(LogPane)
        text.scroll_text(lines)

    def shift_log(self, columns: int) -> None:
        self.query_one(LogPane).shift_text(columns)

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        names: Sequence[str] = [tab.id or "" for tab in event.tabs.query(Tab)]
        if event.tab.id == event.tabs.active:  # else another pane was chosen meanwhile, and would be given up again
            self.choose(names.index(event.tab.id or ""))

    def choose(self, index: int) -> None:
        """Bring a pane to the front."""
        self.current = index
        for i, pane in enumerate(self._panes):
            pane.set_class(i == index, "-current")
            if index >= ALWAYS_SEEN:
                pane.set_class(i == index, "-below")
        tabs = self.query_one(Tabs)
        tab = list(tabs.query(Tab))[index]
        if tabs.active != tab.id:
            tabs.active = tab.id or ""
        self._focus_crosshair()
