"""What a run came to: the log loss in large digits beside its references, or why there is none."""

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Digits, Static

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.hint import hint
from arena_tui.marks import MUTED
from arena_tui.plain import place
from arena_tui.widgets.facts import Fact, facts
from arena_tui.widgets.outcome import explanation, outcome, references
from core.runs.events import Finished


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
        yield Static(classes="below", markup=False)

    def watch_view(self, view: RunView | None) -> None:
        if not (view and view.status.is_over):
            return
        above, below = self.query_one(".above", Static), self.query_one(".below", Static)
        last = view.state.last
        if not (isinstance(last, Finished) and last.log_loss is not None):
            not_finite = [Content("The evaluation log loss is not finite.")] if isinstance(last, Finished) else []
            above.update(Content("\n").join([*not_finite, *explanation(view, self), Content("")]))
            below.update(self._with_next_key(facts(outcome(view))))
            return
        self.add_class("-finished")
        above.update(Content("evaluation log loss"))
        self.query_one(Digits).update(figures.loss(last.log_loss))
        self.query_one(".references", Static).update(facts(references(view)))
        adapter = self._with_next_key(Content(place(view.folder.adapter)), ("report", "report"), ("predict", "predict"))
        below.update(Content.assemble("\n", facts(_scored(view, last)), ("\n\nadapter\n", MUTED), adapter))

    def _with_next_key(self, content: Content, *more: tuple[str, str]) -> Content:
        pairs = [*more, ("profile", "profile"), ("app.pop_screen", "all runs")]
        can = [hint(self, action, f"{{}} {word}") for action, word in pairs]
        return Content.assemble(content, "\n\n", Content("  ").join(way for way in can if way))


def _scored(view: RunView, finished: Finished) -> list[Fact]:
    rows = view.state.evaluations[-1].rows if view.state.evaluations else None
    beside = f"of {figures.count(rows)}; chance 33.3 %" if rows else "chance 33.3 %"
    return [
        ("accuracy", f"{100 * finished.accuracy:.1f} %", beside),
        ("duration", figures.duration(view.state.elapsed), ""),
    ]
