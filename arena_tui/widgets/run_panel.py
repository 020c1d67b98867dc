"""A past or present run in brief, for the home screen."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui.follow import RunView
from arena_tui.hint import hint
from arena_tui.marks import GLYPHS, MUTED, STYLES
from arena_tui.plain import place, printable, printable_lines
from arena_tui.widgets.facts import facts
from arena_tui.widgets.outcome import explanation, outcome


class RunPanel(VerticalScroll):
    HELP = (
        "What has become of the chosen run: log losses in nats beside those of an even guess (ln 3), of the "
        "class shares (prior) and of the public recipe. It is read from the run's events.jsonl, and from "
        "whether its process lives."
    )
    DEFAULT_CSS = """
    RunPanel { padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show(self, run: RunView) -> None:
        """Show this run."""
        parts = [
            Content.styled(f"{GLYPHS[run.status]} {run.status.value}", f"bold {STYLES[run.status]}"),
            *([Content.styled(printable(run.trouble), "$text-error")] if run.trouble else []),
            *(Content(line) for line in printable_lines(run.notes.note) if run.notes.note),
            *explanation(run, self),
            Content(""),
            *([] if run.wait else [facts(outcome(run)), Content("")]),
            Content.styled(place(run.folder.path), MUTED),
            Content(""),
            Content.assemble(("enter", "bold $accent"), " opens it"),
            *([hint(self, "report", "{} reports on it")] if run.has_report else []),
        ]
        if run.wait:
            moves = hint(self, "move('up')", "{} and ") + hint(self, "move('down')", "{} move it up and down, ")
            parts += [moves + hint(self, "dequeue", "{} takes it out of the queue")]
        self.query_one(Static).update(Content("\n").join(parts))
