"""The line above an inspection: whose rows these are, how far they have been read, and whether their file changed."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from arena_tui import figures
from arena_tui.inspected import Inspected
from arena_tui.plain import printable
from core.inspect.progress import Progress


class InspectionLine(Horizontal):
    DEFAULT_CSS = """
    InspectionLine {
        height: 1;
        padding: 0 1;
        background: $panel;
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        #state.-warning { color: $text-warning; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield Static(id="state", markup=False)

    def show(self, profile: str, state: str, *, is_warning: bool) -> None:
        self.query_one("#title", Static).update(printable(profile))
        line = self.query_one("#state", Static)
        line.set_class(is_warning, "-warning")
        line.update(state)


def how_far(progress: Progress, seen: Inspected | None, source: str) -> str:
    """How much of `source` has been read, and how far that can be trusted."""
    about = f"{figures.count(progress.rows)} of about {figures.count(progress.of)} rows" if progress.of else "…"
    if seen is None or (seen.is_sample and not progress.of):
        return f"reading {printable(source)} {about}"
    if seen.is_sample:
        error = 100 * seen.margin(len(seen.rows) // 2)
        return f"a sample: the first {figures.count(len(seen.rows))} rows, ±{error:.1f} at most · read {about}"
    percents = seen.lengths.percentiles
    return (
        f"{figures.count(len(seen.rows))} rows · median {figures.count(percents[50])}, "
        f"longest {figures.count(percents[100])} tokens · {printable(source)}"
    )
