"""What the panes of curves share: a line of words above a plot, and when both are drawn anew."""

from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui.follow import RunView
from arena_tui.marks import MUTED
from arena_tui.series import Axis
from arena_tui.widgets.pane import Pane
from arena_tui.widgets.plot import Plot


class PlotPane(Pane):
    """The plot's own frame is the pane's."""

    DEFAULT_CSS = """
    PlotPane {
        border: none;
        padding: 0;
        & > .caption { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-current { border: none; }
        &.-current Plot > .plot--axis { color: $accent; }
    }
    """

    axis: var[Axis] = var(Axis.STEP)

    def compose(self) -> ComposeResult:
        yield Static(classes="caption", markup=False)
        yield Plot()

    def draw(self, view: RunView, plot: Plot) -> None:
        """Draw everything for this view."""
        raise NotImplementedError

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view and (before is None or _shown(before) != _shown(view)):
            self.redraw()

    def watch_axis(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw, once there is something to draw and a place for it."""
        if self.is_mounted and self.view:
            with self.app.batch_update():
                self.draw(self.view, self.query_one(Plot))

    def caption(self, title: str, warning: str, notes: str) -> None:
        """The words above the plot: what it is, what is wrong, how to read it."""
        parts = [(title, "bold"), (warning and f"  {warning}", "$text-error"), (f"  {notes}", MUTED)]
        self.query_one(".caption", Static).update(Content.assemble(*parts), layout=False)


def _shown(view: RunView) -> tuple[int, int, bool]:
    """What the curves depend on: histories only grow."""
    return len(view.state.steps), len(view.state.evaluations), view.status.is_over
