"""The newest figures of a run while it goes on, each beside what it is to be compared with."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.hint import hint
from arena_tui.plain import printable
from arena_tui.widgets.facts import Fact, facts
from arena_tui.widgets.outcome import explanation
from core.runs.metrics import UNIFORM_LOG_LOSS


class Now(VerticalScroll, can_focus=False):
    DEFAULT_CSS = """
    Now > .warnings { color: $text-warning; }
    """

    view: var[RunView | None] = var(None)

    def __init__(self) -> None:
        super().__init__()
        self._row_count = 0

    def compose(self) -> ComposeResult:
        yield Static("waiting for the first event", classes="figures", markup=False)
        yield Static(classes="warnings", markup=False)

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view and view.wait:
            self.query_one(".figures", Static).update(self._waiting(view))
        if view is None or view.state.first_time is None:
            return
        rows = _readings(view)
        self.query_one(".figures", Static).update(facts(rows), layout=len(rows) != self._row_count)
        self._row_count = len(rows)
        if before is None or before.state.warnings != view.state.warnings:
            warnings = "\n".join(f"! {printable(warning)}" for warning in view.state.warnings)
            self.query_one(".warnings", Static).update(Content(warnings))

    def _waiting(self, view: RunView) -> Content:
        """What a queued run waits for, and what can be done."""
        pressed = [("dequeue", "takes it out of the queue"), ("profile", "its profile"), ("app.pop_screen", "all runs")]
        can = [hint(self, action, f"{{}} {does}") for action, does in pressed]
        return Content("\n").join([*explanation(view, self), Content(""), *can])


def _readings(view: RunView) -> list[Fact]:
    state = view.state
    rows: list[Fact] = []
    if state.steps:
        step = state.steps[-1]
        rows += [
            ("loss", figures.loss(step.loss), f"ln 3 {UNIFORM_LOG_LOSS:.4f}"),
            *_evaluation(view),
            ("learning rate", figures.rate(step.learning_rate), ""),
            ("gradient norm", figures.norm(step.grad_norm), ""),
            ("throughput", f"{step.tokens_per_second:,.0f}", "effective tokens/s"),
            ("epoch", f"{step.epoch:.2f}", f"{figures.count(step.tokens)} tokens"),
        ]
    if started := state.started:
        rows += [
            ("rows", figures.count(started.rows_train), f"train, {figures.count(started.rows_eval)} eval"),
            ("rows cut", figures.count(started.rows_cut), figures.share(started.rows_cut, started.rows_train)),
            ("global batch", figures.count(started.global_batch), printable(started.precision)),
            (
                "parameters",
                figures.count(started.trainable_parameters),
                f"trained of {figures.rounded(started.total_parameters)}",
            ),
        ]
    if state.checkpoint:
        rows.append(("checkpoint", f"step {figures.count(state.checkpoint.step)}", ""))
    return rows or [("phase", state.phase.phase if state.phase else figures.MISSING, "")]


def _evaluation(view: RunView) -> list[Fact]:
    """The newest evaluation, or before it the class prior it will have to beat."""
    state = view.state
    prior = f"prior {state.started.prior_log_loss:.4f}" if state.started else ""
    if not state.evaluations:
        return [("eval log loss", figures.MISSING, prior)]
    newest = state.evaluations[-1]
    return [
        ("eval log loss", figures.loss(newest.log_loss), prior),
        ("accuracy", f"{100 * newest.accuracy:.1f} %", f"at step {figures.count(newest.step)}"),
    ]
