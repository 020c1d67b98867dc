"""The pane of figures: how it is going while the run goes on, and what came out of it afterwards."""

from collections.abc import Sequence
from functools import partial

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Digits, Static

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import place, printable, shortened
from arena_tui.runs import average
from arena_tui.runs.follow import RunView
from arena_tui.runs.gains import since_gain, steps
from arena_tui.runs.outcome import (
    LONGEST_REASON,
    NOTHING,
    explanation,
    on_ranks,
    outcome,
    references,
)
from arena_tui.runs.panes import Pane
from arena_tui.runs.stages import how_far, stage
from arena_tui.screen.keymap import hint
from arena_tui.widgets.facts import Fact, bulleted, facts, wrapped
from arena_tui.widgets.pane import FittedText
from core.runs.events import Finished
from core.runs.figures import RankReading


class Now(VerticalScroll, can_focus=False):
    DEFAULT_CSS = "Now > .warnings { color: $text-warning; }"

    view: var[RunView | None] = var(None)

    def __init__(self) -> None:
        super().__init__()
        self._row_count = 0

    def compose(self) -> ComposeResult:
        yield FittedText(classes="figures")
        yield FittedText(classes="warnings")

    def on_mount(self) -> None:
        self._figures.show(lambda _: Content("waiting for the first event"))

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view and view.awaits_start:
            self._figures.show(lambda _: self._waiting(view))
        if view is None or view.state.first_time is None:
            return
        rows = _readings(view)
        self._figures.show(lambda width: facts(wrapped(rows, width)), layout=len(rows) != self._row_count)
        self._row_count = len(rows)
        if before is None or before.state.warnings != view.state.warnings:
            warnings = [shortened(printable(warning), LONGEST_REASON) for warning in view.state.warnings]
            self.query_one(".warnings", FittedText).show(partial(bulleted, "!", warnings))

    @property
    def _figures(self) -> FittedText:
        return self.query_one(".figures", FittedText)

    def _waiting(self, view: RunView) -> Content:
        pressed = [("dequeue", "takes it out of the queue"), ("profile", "its profile"), ("app.pop_screen", "back")]
        can = [hint(self, action, f"{{}} {does}") for action, does in pressed]
        return Content("\n").join([*explanation(view, self), Content(""), *(way for way in can if way)])


def _readings(view: RunView) -> list[Fact]:
    state = view.state
    rows: list[Fact] = []
    if state.steps:
        step = state.steps[-1]
        rows += [
            ("loss", numbers.loss(step.loss), f"{view.outcomes.uniform} {view.outcomes.uniform_log_loss:.4f}"),
            *_evaluation(view),
            ("learning rate", numbers.rate(step.learning_rate), ""),
            ("gradient norm", numbers.norm(step.grad_norm), ""),
            ("throughput", f"{step.tokens_per_second:,.0f}", _tokens_of(state.ranks)),
            ("epoch", f"{step.epoch:.2f}", f"{numbers.count(step.tokens)} tokens"),
        ]
    if started := state.started:
        rows += [
            ("rows", numbers.count(started.rows_train), f"train, {numbers.count(started.rows_eval)} eval"),
            ("rows cut", numbers.count(started.rows_cut), numbers.share(started.rows_cut, started.rows_train)),
            ("global batch", numbers.count(started.global_batch), printable(started.precision)),
            (
                "parameters",
                numbers.count(started.trainable_parameters),
                f"of {numbers.rounded(started.total_parameters)} trained",
            ),
        ]
    if state.checkpoint:
        rows.append(("checkpoint", f"step {numbers.count(state.checkpoint.step)}", ""))
    return rows or [("now", stage(state.phase), how_far(state.phase)) if state.phase else ("now", "starting", "")]


def _tokens_of(ranks: Sequence[RankReading]) -> str:
    return f"tokens/s of {len(ranks)} ranks" if ranks else "effective tokens/s"


def _evaluation(view: RunView) -> list[Fact]:
    """The newest evaluation, or before it the class prior it will have to beat."""
    state = view.state
    prior = "" if view.prior is None else f"prior {view.prior:.4f}"
    if not state.evaluations:
        return [("eval log loss", numbers.MISSING, prior if view.evaluates else NOTHING)]
    newest = state.evaluations[-1]
    gain = newest.gain
    return [
        ("eval log loss", numbers.loss(newest.log_loss), prior),
        *([("no gain" if gain.without else "gain", *since_gain(gain))] if gain else []),
        ("accuracy", numbers.percent(newest.accuracy), f"at step {numbers.count(newest.step)}"),
    ]


class Result(VerticalScroll, can_focus=False):
    DEFAULT_CSS = """
    Result {
        & > .score { height: auto; display: none; margin-top: 1; }
        &.-finished > .score { display: block; }
        Digits { color: $accent; width: 16; margin-right: 2; }
        .score > Static { width: 1fr; }
    }
    """

    view: var[RunView | None] = var(None)

    def compose(self) -> ComposeResult:
        yield Static(classes="above", markup=False)
        with Horizontal(classes="score"):
            yield Digits()
            yield Static(classes="references", markup=False)
        yield FittedText(classes="below")

    def watch_view(self, view: RunView | None) -> None:
        if not (view and view.status.is_over):
            return
        above, below = self.query_one(".above", Static), self.query_one(".below", FittedText)
        last, lead, told = view.state.last, "", outcome(view)
        if isinstance(last, Finished) and last.log_loss is not None:
            self.add_class("-finished")
            above.update(Content("evaluation log loss"))
            self.query_one(Digits).update(numbers.loss(last.log_loss))
            self.query_one(".references", Static).update(facts(references(view)))
            lead, told = "\n", _scored(view, last)
        else:
            not_finite = [Content("The evaluation log loss is not finite.")] if view.has_report else []
            above.update(Content("\n").join([*not_finite, *explanation(view, self), Content("")]))
        below.show(lambda width: self._with_next_key(Content.assemble(lead, facts(wrapped(told, width))), view))

    def _with_next_key(self, content: Content, view: RunView) -> Content:
        pairs = [("profile", "profile"), ("app.pop_screen", "back")]
        if isinstance(view.state.last, Finished):
            content = Content.assemble(content, ("\n\nadapter\n", MUTED), place(view.folder.adapter))
            pairs = [*([("report", "report")] if view.has_report else []), ("predict", "predict"), *pairs]
        can = [hint(self, action, f"{{}} {word}") for action, word in pairs]
        return Content.assemble(content, "\n\n", Content("  ").join(way for way in can if way))


def _scored(view: RunView, finished: Finished) -> list[Fact]:
    started, reached = view.state.started, view.state.reached
    rows = reached.rows if reached else None
    kept: list[Fact] = []
    if reached and reached.step != view.state.step:
        choice = f"the best of {numbers.counted(len(view.state.evaluations), 'evaluation')}"
        kept = [("weights", f"step {numbers.count(reached.step)}", choice)]
    chance = f"chance {numbers.percent(view.outcomes.chance)}"
    beside = f"of {numbers.count(rows)}; {chance}" if rows else chance
    return [
        ("accuracy", numbers.percent(finished.accuracy), beside),
        *kept,
        *([steps(view.state, started)] if started and view.state.has_steps_left else []),
        *(average.figures(started.average) if started and started.average else []),
        ("duration", numbers.duration(view.state.elapsed), ""),
        *on_ranks(view),
    ]


class FiguresPane(Pane):
    DEFAULT_CSS = """
    FiguresPane {
        padding: 0 0 0 1;
        & > VerticalScroll { scrollbar-gutter: stable; } /* a bar that takes room can be what makes it needed */
        & > Result { display: none; }
        &.-over > Result { display: block; }
        &.-over > Now { display: none; }
    }
    """

    tab_name = "figures"
    HELP = (
        "The newest point of the run, and once it is over its result: losses in nats, throughput in effective tokens "
        "(padding left out) per second, memory in GiB. All is read from events.jsonl; the log loss is that of the "
        "held-out rows, from float32 logits."
    )

    def compose(self) -> ComposeResult:
        yield Now().data_bind(FiguresPane.view)
        yield Result().data_bind(FiguresPane.view)

    def watch_view(self, view: RunView | None) -> None:
        is_over = view is not None and view.status.is_over
        self.set_class(is_over, "-over")
        self.title = "result" if is_over else "now"

    @property
    def says(self) -> str:
        """The figures, and where the run lies."""
        return f"{super().says}\n{self.view.folder.path}" if self.view else ""

    def scroll_text(self, lines: int) -> None:
        for text in self.query(VerticalScroll):
            text.scroll_relative(y=lines, animate=False)
