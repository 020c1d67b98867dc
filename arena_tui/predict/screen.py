"""A prediction: how is it going, and where is its file? Follows its folder; the prediction knows nothing of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Footer, Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import STAY, AskScreen, WriteScreen
from arena_tui.format import numbers
from arena_tui.format.sanitize import place, printable
from arena_tui.runs.follow import Follower, RunView
from arena_tui.runs.messages import RunEnded
from arena_tui.runs.panes import LogPane, LogTail, Pane
from arena_tui.runs.stages import how_far, stage
from arena_tui.runs.strip import Strip
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.keymap import named
from arena_tui.widgets.facts import Fact, facts
from core.predict.actions import predict
from core.predict.folder import PredictionFolder, at_work
from core.predict.request import Request, choose_members, find_rows
from core.runs import events
from core.runs.actions import CannotStop, Job, stop
from core.runs.folder import RunFolder
from core.runs.metrics import UNIFORM_LOG_LOSS
from core.runs.state import Status
from core.runs.stopping import Rung

SECONDS_TO_NEXT_READ = 0.5
MOST_PATH = 4096


class PredictionScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"stop"})
    BINDINGS: ClassVar[list[BindingType]] = named(
        "prediction",
        Binding("s", "stop", "Stop", tooltip="Stop it; what is scored is kept"),
        Binding("down,j", "scroll_text(1)", "Down", show=False, tooltip="Scroll the figures"),
        Binding("up,k", "scroll_text(-1)", "Up", show=False, tooltip="Scroll the figures"),
        Binding("pagedown", "scroll_log(10)", "Log down", show=False, tooltip="Scroll the log"),
        Binding("pageup", "scroll_log(-10)", "Log up", show=False, tooltip="Scroll the log"),
        Binding("L", "whole_log", "Whole log", show=False, tooltip="Show what libraries log too, and back"),
        Binding("escape", "app.pop_screen", "Back", tooltip="Back to the run; the prediction goes on"),
    )

    DEFAULT_CSS = """
    PredictionScreen {
        PredictionPane { height: 3fr; }
        LogPane { height: 2fr; }
    }
    """

    view: var[RunView | None] = var(None)

    @property
    def in_front(self) -> Widget | None:
        return self.query_one(PredictionPane)

    def __init__(self, folder: PredictionFolder) -> None:
        super().__init__()
        self.folder = folder
        self._follower = Follower(folder)
        self._log = LogTail(folder.console_log)

    def compose(self) -> ComposeResult:
        yield Strip().data_bind(PredictionScreen.view)
        with Vertical():
            yield PredictionPane().data_bind(PredictionScreen.view)
            yield LogPane(id="log").data_bind(PredictionScreen.view)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.follow()

    @work
    async def follow(self) -> None:
        """Read until nothing more can come."""
        while True:
            view, lines = await in_thread(lambda: (self._follower.read(), self._log.read()))
            if not self.display:  # it is being left
                return
            self.view = view
            if lines:
                self.query_one(LogPane).add(lines)
            elif view.is_settled:
                return
            await asyncio.sleep(SECONDS_TO_NEXT_READ)

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view and view.status.is_over and not (before and before.status.is_over):
            self.refresh_bindings()
            if before:  # one that was over when it was opened is no news
                self.post_message(RunEnded(view))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not super().check_action(action, parameters):
            return False
        return action != "stop" or (self.view is not None and not self.view.status.is_over)

    @work
    async def action_stop(self) -> None:
        asked = AskScreen(
            "stop this prediction?",
            "What is scored is kept: asked for the same again, it goes on from there.",
            [("s", "stop")],
            stay="let it go on",
        )
        if await self.app.push_screen_wait(asked) != STAY:
            try:
                await asyncio.to_thread(stop, self.folder, Rung.SAVE)
            except CannotStop as error:
                self.notify(printable(str(error)), severity="error", markup=False)

    def action_whole_log(self) -> None:
        self.query_one(LogPane).toggle()

    def action_scroll_text(self, lines: int) -> None:
        self.query_one(PredictionPane).scroll_text(lines)

    def action_scroll_log(self, lines: int) -> None:
        self.query_one(LogPane).scroll_text(lines)


async def ask_for_prediction(app: App[None], run: RunFolder, program: Sequence[str]) -> Job[PredictionFolder] | None:
    """The prediction with `run` that is at work, else one by `program` of the rows that the user names; None if none
    are named. Raises CannotPredict, ProfileError and OSError."""
    if folder := await asyncio.to_thread(at_work, run):
        return Job(folder)
    [member] = choose_members([run])
    asked = WriteScreen(
        "answer which rows?",
        "A file in the schema of test.csv or of train.csv. More, such as several runs averaged: arena-tui predict",
        member.read_profile().data.test,
        MOST_PATH,
        "predict",
    )
    test = await app.push_screen_wait(asked)
    if not test:
        return None
    request = Request(members=[member], test=find_rows(test))
    return await asyncio.to_thread(predict, request, program)


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
    return rows or [("now", stage(state.phase), how_far(state.phase)) if state.phase else ("now", "starting", "")]
