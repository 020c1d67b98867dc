"""The figures of a prediction: how far it is, what came of it, and what it has answered."""

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.sanitize import place, printable
from arena_tui.predict.answers import AnswersHistogram, first_rows
from arena_tui.runs.follow import RunView
from arena_tui.runs.panes import Pane
from arena_tui.runs.stages import how_far, stage
from arena_tui.widgets.facts import Fact, bulleted, facts, wrapped
from arena_tui.widgets.pane import FittedText
from core.predict.answers import Answers
from core.runs import events
from core.runs.state import Status
from core.runs.stopping import stopped_by

KEPT = "scored rows are kept: the same arena-tui predict command resumes"


class PredictionPane(Pane):
    DEFAULT_CSS = """
    PredictionPane {
        #warnings { color: $text-warning; }
        .told, .readings, AnswersHistogram { height: auto; }
    }
    """

    tab_name = "figures"
    HELP = (
        "Progress of the prediction: a row counts once for each run and each order of its answers. The speed is that "
        "of this process, without loading; the memory is the peak of a worker, as PyTorch counts it. Once all rows are "
        "scored: where the submission is, the log loss of labelled rows, and the predictions: the mean probability of "
        "each outcome, its histogram, and the first rows, the likeliest outcome in bold."
    )

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False), Container(classes="told"):
            with Vertical(classes="readings"):
                yield FittedText(id="figures")
                yield AnswersHistogram()
                yield FittedText(id="details")
                yield FittedText(id="warnings")
            yield Static(id="first", markup=False)

    def on_mount(self) -> None:
        self.query_one("#figures", FittedText).show(lambda _: Content("waiting for the first event"))

    def watch_view(self, view: RunView | None) -> None:
        if view is None or view.state.first_time is None:
            return
        self.title = "result" if view.status.is_over else "now"
        outcome, figures, readings = Content("\n").join(_outcome(view)), _figures(view), _readings(view)
        self.query_one("#figures", FittedText).show(
            lambda width: Content("\n\n").join(filter(None, [outcome, facts(wrapped(figures, width))]))
        )
        self.query_one("#details", FittedText).show(lambda width: facts(wrapped(readings, width)))
        warnings = [printable(warning) for warning in view.state.warnings]
        self.query_one("#warnings", FittedText).show(lambda width: bulleted("!", warnings, width))

    def show_answers(self, answers: Answers | str) -> None:
        """What was answered, or why that cannot be shown."""
        if isinstance(answers, str):
            self.query_one("#first", Static).update(Content.styled(printable(answers), "$text-warning"))
            return
        self.query_one(AnswersHistogram).show(answers)
        self.query_one("#first", Static).update(first_rows(answers))

    def scroll_text(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _outcome(view: RunView) -> list[Content]:
    """What came of a prediction that is over."""
    match view.state.last:
        case events.Predicted(submission=submission, rows=rows):
            return [
                Content(f"{numbers.counted(rows, 'row')} predicted, written to"),
                Content.styled(place(Path(submission)), "bold"),
            ]
        case events.Cancelled() as end:
            told = f"stopped by {printable(stopped_by(end))}; {KEPT}"
            return [Content(told)]
        case events.Failed(cause=cause, advice=advice):
            return [Content.styled(printable(cause), "$text-error"), Content(printable(advice))]
    if view.status is Status.LOST:
        told = f"the process ended unexpectedly; {KEPT}"
        return [Content.styled(told, "$text-error")]
    return []


def _figures(view: RunView) -> list[Fact]:
    """How good the answers are, or how far it is."""
    state, even = view.state, view.outcomes
    rows: list[Fact] = []
    if isinstance(state.last, events.Predicted):
        if state.last.log_loss is not None:
            rows.append(("log loss", numbers.loss(state.last.log_loss), f"{even.uniform} {even.uniform_log_loss:.4f}"))
        if state.last.accuracy is not None:
            rows.append(("accuracy", numbers.percent(state.last.accuracy), f"chance {numbers.percent(even.chance)}"))
    elif (progress := state.prediction_progress) and (asked := state.predicting):
        rows.append(("scored", numbers.count(progress.rows), f"of {numbers.counted(asked.rows_total, 'row')}"))
    elif not state.predicting:
        rows.append(("now", stage(state.phase), how_far(state.phase)) if state.phase else ("now", "starting", ""))
    return rows


def _readings(view: RunView) -> list[Fact]:
    """What it takes, and what was asked for."""
    asked, progress = view.state.predicting, view.state.prediction_progress
    rows: list[Fact] = []
    if progress and asked:
        whole = "machine's memory" if asked.device.kind == "cpu" else "GPU"
        share = numbers.share(progress.memory_peak, asked.device.memory)
        rows += [
            ("speed", f"{progress.rows_per_second:.1f} rows/s", f"{progress.tokens_per_second:,.0f} tokens/s"),
            ("peak memory", numbers.gib(progress.memory_peak), f"{share} of the {whole}"),
        ]
    if asked:
        orders = "also with A and B swapped" if asked.swapped else "A and B not swapped"
        rows += [
            ("file", numbers.counted(asked.rows, "row"), orders),
            ("cut", numbers.count(asked.rows_cut), numbers.share(asked.rows_cut, asked.rows)),
            ("runs", numbers.count(len(asked.runs)), printable(", ".join(asked.runs))),
            ("device", printable(asked.device.name), f"{printable(asked.precision)}, {asked.engine}"),
        ]
    return rows
