"""The figures of a prediction: how it is going while it goes on, what came of it afterwards."""

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.sanitize import place, printable
from arena_tui.runs.follow import RunView
from arena_tui.widgets.facts import Fact, facts
from arena_tui.widgets.pane import Pane
from core.runs import events
from core.runs.metrics import UNIFORM_LOG_LOSS
from core.runs.state import Status

KEPT = "what is scored is kept: asked for the same again, P or arena-tui predict goes on with it"


class PredictionPane(Pane):
    DEFAULT_CSS = """
    PredictionPane .warnings { color: $text-warning; }
    """

    tab_name = "figures"
    HELP = (
        "How far the prediction is: a row counts once for each run and each order of its answers. The speed is that of "
        "this process, without loading; the memory is the most of a worker's, as PyTorch counts it. Once all rows are "
        "scored, where the submission lies, and for labelled rows their log loss."
    )

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static("waiting for the first event", classes="figures", markup=False)
            yield Static(classes="warnings", markup=False)

    def watch_view(self, view: RunView | None) -> None:
        if view is None or view.state.first_time is None:
            return
        self.title = "result" if view.status.is_over else "now"
        self.query_one(".figures", Static).update(Content("\n").join([*_outcome(view), facts(_readings(view))]))
        warnings = "\n".join(f"! {printable(warning)}" for warning in view.state.warnings)
        self.query_one(".warnings", Static).update(Content(warnings))

    def scroll_text(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _outcome(view: RunView) -> list[Content]:
    """What came of a prediction that is over."""
    match view.state.last:
        case events.Predicted(submission=submission, rows=rows):
            return [
                Content(f"{numbers.count(rows)} rows are answered in"),
                Content.styled(place(Path(submission)), "bold"),
                Content(""),
            ]
        case events.Cancelled(signal=name):
            told = f"stopped by {printable(name)}; {KEPT}"
            return [Content(told), Content("")]
        case events.Failed(cause=cause, advice=advice):
            return [Content.styled(printable(cause), "$text-error"), Content(printable(advice)), Content("")]
    if view.status is Status.LOST:
        told = f"the process ended without a last word; {KEPT}"
        return [Content.styled(told, "$text-error"), Content("")]
    return []


def _readings(view: RunView) -> list[Fact]:
    state = view.state
    rows: list[Fact] = []
    if isinstance(state.last, events.Predicted) and state.last.log_loss is not None:
        rows.append(("log loss", numbers.loss(state.last.log_loss), f"ln 3 {UNIFORM_LOG_LOSS:.4f}"))
    if isinstance(state.last, events.Predicted) and state.last.accuracy is not None:
        rows.append(("accuracy", f"{100 * state.last.accuracy:.1f} %", "chance 33.3 %"))
    if (progress := state.prediction_progress) and (asked := state.predicting):
        card = "machine" if asked.device.kind == "cpu" else "card"
        share = numbers.share(progress.memory_peak, asked.device.memory)
        rows += [
            ("scored", numbers.count(progress.rows), f"of {numbers.count(asked.rows_total)} rows"),
            ("speed", f"{progress.rows_per_second:.1f} rows/s", f"{progress.tokens_per_second:,.0f} tokens/s"),
            ("peak memory", numbers.gib(progress.memory_peak), f"{share} of the {card}"),
        ]
    if asked := state.predicting:
        orders = "each in both orders" if asked.swapped else "in the order they have"
        rows += [
            ("file", f"{numbers.count(asked.rows)} rows", orders),
            ("cut", numbers.count(asked.rows_cut), numbers.share(asked.rows_cut, asked.rows)),
            ("runs", numbers.count(len(asked.runs)), printable(", ".join(asked.runs))),
            ("device", printable(asked.device.name), f"{printable(asked.precision)}, {asked.engine}"),
        ]
    return rows or [("phase", state.phase.phase if state.phase else numbers.MISSING, "")]
