"""What the monitor stands on: panes, one of them in front, and where in the run all curves look.

Does not know where the run comes from, nor what is done to it.
"""

from collections.abc import Sequence

from textual.reactive import var
from textual.widgets import Tab, Tabs

from arena_tui.monitor.figures import FiguresPane
from arena_tui.monitor.loss import LossPane
from arena_tui.plot.axes import Axis
from arena_tui.plot.pane import PlotPane
from arena_tui.plot.zoom import SMOOTHINGS, Window, showing, zoomed
from arena_tui.runs.follow import RunView
from arena_tui.runs.log_pane import LogPane
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.terminal.clipboard import copy
from arena_tui.widgets.pane import Pane


class PanesScreen(ConsoleScreen[None]):
    """`panes` are those of the screen, in their order, once it is mounted. Their bindings are the screen's own."""

    AUTO_FOCUS = ""

    view: var[RunView | None] = var(None)
    current: var[int] = var(0)
    axis: var[Axis] = var(Axis.STEP)
    cursor: var[int | None] = var(None)
    """The logged step under the crosshair; None while there is none."""
    window: var[Window | None] = var(None)
    """The part of the run in the curves; None is all of it, as far as it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.panes: list[Pane] = []

    @property
    def in_front(self) -> Pane:
        return self.panes[self.current]

    def action_log_axis(self) -> None:
        loss = self.query_one(LossPane)
        loss.is_log = not loss.is_log

    def action_smooth(self, direction: int) -> None:
        loss = self.query_one(LossPane)
        index = SMOOTHINGS.index(loss.smoothing) + direction
        loss.smoothing = SMOOTHINGS[min(len(SMOOTHINGS) - 1, max(0, index))]

    def action_axis(self) -> None:
        self.axis = self.axis.following

    def action_crosshair(self) -> None:
        if self.cursor is not None:
            self._point(None)
        elif self.view and self.view.state.steps:
            if not isinstance(self.panes[self.current], PlotPane):
                self.choose(0)
            newest = self.view.state.steps[-1].step
            self._point(newest if self.window is None else min(newest, round(self.window.last)))

    def action_magnify(self, factor: float) -> None:
        self._magnify(factor, self.cursor)

    def action_show_all(self) -> None:
        self.window = None

    def on_plot_pane_pointed(self, message: PlotPane.Pointed) -> None:
        if message.step is not None:
            self.choose(self.panes.index(message.pane))
        self._point(message.step)

    def on_plot_pane_wheeled(self, message: PlotPane.Wheeled) -> None:
        self._magnify(message.factor, message.step)

    def _point(self, step: int | None) -> None:
        """Put the crosshair on a step, in sight, or away."""
        if step is not None and self.view:
            self.window = showing(self.window, self.view.state, self.view.status.is_over, step)
        self.cursor = step
        self._focus_crosshair()

    def _magnify(self, factor: float, around: float | None) -> None:
        if self.view:
            self.window = zoomed(self.window, self.view.state, self.view.status.is_over, factor, around)

    def _focus_crosshair(self) -> None:
        """The pane in which the crosshair is moved takes the keys for it."""
        pane = self.panes[self.current]
        self.set_focus(pane if self.cursor is not None and isinstance(pane, PlotPane) else None)

    def action_copy(self) -> None:
        copy(self.app, self.get_selected_text() or self.panes[self.current].says)

    def action_pane_at(self, index: int) -> None:
        self.choose(index)

    def action_pane(self, direction: int) -> None:
        self.choose((self.current + direction) % len(self.panes))

    def action_zoom(self) -> None:
        self.toggle_class("-zoomed")

    def action_scroll_text(self, lines: int) -> None:
        pane = self.panes[self.current]
        text = pane if isinstance(pane, FiguresPane) else self.query_one(LogPane)
        text.scroll_text(lines)

    def action_shift_log(self, columns: int) -> None:
        self.query_one(LogPane).shift_text(columns)

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        names: Sequence[str] = [tab.id or "" for tab in event.tabs.query(Tab)]
        if event.tab.id == event.tabs.active:  # else another pane was chosen meanwhile, and would be given up again
            self.choose(names.index(event.tab.id or ""))

    def choose(self, index: int) -> None:
        self.current = index
        for i, pane in enumerate(self.panes):
            pane.set_class(i == index, "-current")
        tabs = self.query_one(Tabs)
        tab = list(tabs.query(Tab))[index]
        if tabs.active != tab.id:
            tabs.active = tab.id or ""
        self._focus_crosshair()
