"""A prediction: how is it going, and where is its file? Follows its folder; the prediction knows nothing of it."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import var
from textual.screen import Screen
from textual.widget import Widget

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import STAY, AskScreen
from arena_tui.dialogs.path_input import AskPathScreen
from arena_tui.format.sanitize import printable
from arena_tui.predict.pane import PredictionPane
from arena_tui.runs.follow import Follower, RunView
from arena_tui.runs.messages import RunEnded
from arena_tui.runs.panes import LogPane, LogTail
from arena_tui.runs.strip import Strip
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import named
from core.files import in_words
from core.predict.actions import predict
from core.predict.answers import Answers, read_answers
from core.predict.folder import PredictionFolder, at_work
from core.predict.request import CannotPredict, Request, choose_members, find_rows
from core.runs import events
from core.runs.access import Damaged
from core.runs.actions import CannotStop, Job, stop
from core.runs.folder import RunFolder
from core.runs.stopping import Rung

SECONDS_TO_NEXT_READ = 0.5


class PredictionScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"stop"})
    BINDINGS: ClassVar[list[BindingType]] = named(
        "prediction",
        Binding("s", "stop", "Stop", tooltip="Stop the prediction; scored rows are kept"),
        Binding("down,j", "scroll_text(1)", "Down", show=False, tooltip="Scroll the figures"),
        Binding("up,k", "scroll_text(-1)", "Up", show=False, tooltip="Scroll the figures"),
        Binding("pagedown", "scroll_log(10)", "Log down", show=False, tooltip="Scroll the log"),
        Binding("pageup", "scroll_log(-10)", "Log up", show=False, tooltip="Scroll the log"),
        Binding("L", "whole_log", "Whole log", show=False, tooltip="Show what libraries log too, and back"),
        Binding(
            "home,g", "scroll_log(-1_000_000)", "First", show=False, tooltip="To the log's first line, or its last"
        ),
        Binding("end,G", "scroll_log(1_000_000)", "Last", show=False, tooltip="To the log's first line, or its last"),
        Binding("escape", "app.pop_screen", "Back", tooltip="Back; the prediction continues"),
    )

    DEFAULT_CSS = """
    PredictionScreen {
        PredictionPane { height: 3fr; }
        LogPane { height: 2fr; }
        #details { margin: 1 0; }
        &.-answered AnswersHistogram { margin-top: 1; }
        &.-answered.-wide .told { layout: horizontal; }
        &.-answered.-wide .readings { width: 1fr; }
        &.-answered.-wide #first { width: auto; max-width: 50%; margin-left: 3; }
        &.-answered LogPane { height: 1fr; }
        &.-answered.-low LogPane { height: 4; }
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
        yield Footer()

    def on_mount(self) -> None:
        self.follow()

    @property
    def is_ready(self) -> bool:
        return self.view is not None

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
        if view and before and view.status.is_over and not before.status.is_over:
            self.post_message(RunEnded(view))
        if before is None or view is None or before.status != view.status:
            self.refresh_bindings()
            if view and isinstance(view.state.last, events.Predicted):
                self.show_answers()

    @work
    async def show_answers(self) -> None:
        """Read what was answered, which is the file of a moment ago or of anybody."""
        told: Answers | str
        try:
            told = await in_thread(partial(read_answers, self.folder))
        except (OSError, Damaged) as error:
            told = f"The predictions cannot be shown: {in_words(error)}"
        if self.display:  # else it is being left
            self.add_class("-answered")
            self.query_one(PredictionPane).show_answers(told)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action == "stop" and (self.view is None or self.view.status.is_over):
            return "this prediction is over" if self.view else "the prediction is being read"
        return super().why_not(action, parameters)

    @work(group=OPENING)
    async def action_stop(self) -> None:
        await ask_to_stop(self, self.folder)

    def action_whole_log(self) -> None:
        self.query_one(LogPane).toggle()

    def action_scroll_text(self, lines: int) -> None:
        self.query_one(PredictionPane).scroll_text(lines)

    def action_scroll_log(self, lines: int) -> None:
        self.query_one(LogPane).scroll_text(lines)


async def ask_to_stop(screen: Screen[None], folder: PredictionFolder) -> bool:
    """Ask whether the prediction is to be stopped; True if it has been told to."""
    asked = AskScreen(
        "stop this prediction?",
        "Scored rows are kept: the same request resumes from there.",
        [("s", "stop")],
        stay="keep it running",
    )
    if await screen.app.push_screen_wait(asked) == STAY:
        return False
    try:
        await asyncio.to_thread(stop, folder, Rung.SAVE)
    except CannotStop as error:
        screen.notify(printable(str(error)), severity="error", markup=False)
        return False
    return True


async def ask_for_prediction(app: App[None], run: RunFolder, program: Sequence[str]) -> Job[PredictionFolder] | None:
    """The prediction with `run` that is at work, else one by `program` of the rows that the user names; None if none
    are named. Raises CannotPredict, ProfileError and OSError."""
    if folder := await asyncio.to_thread(at_work, run):
        return Job(folder)
    [member] = choose_members([run])
    asked = AskPathScreen(
        "predict which rows?",
        "A file with the columns of test.csv or train.csv. For more, such as averaging several runs: arena-tui predict",
        member.read_profile().data.test,
        "predict",
        _problem,
    )
    test = await app.push_screen_wait(asked)
    if test is None:
        return None
    request = Request(members=[member], test=find_rows(test))
    return await asyncio.to_thread(predict, request, program)


def _problem(test: str) -> str:
    try:
        find_rows(test)
    except CannotPredict as error:
        return str(error)
    return ""
