"""Monitor: how is it going? Follows one run's folder; the run knows nothing of it."""

import asyncio
import os
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import var

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import ReaderScreen, choose
from arena_tui.monitor.panes import RANKS, MonitorPanes
from arena_tui.monitor.stop_dialog import StopScreen
from arena_tui.plot.axes import Axis
from arena_tui.plot.pane import AXIS_KEYS, COPY, SMOOTHING_KEYS, ZOOM, PlotPane
from arena_tui.runs import reasons
from arena_tui.runs.curve_files import export
from arena_tui.runs.follow import Follower, RunView
from arena_tui.runs.messages import FixRun, PredictRun, ReportRun, ResumeRun, RunEnded, TryRun
from arena_tui.runs.panes import LogPane, LogTail, Pane
from arena_tui.runs.queue_dialogs import take_out
from arena_tui.runs.strip import Strip
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import PANES_IN_TURN, named, numbered, up_and_down
from arena_tui.terminal.sequences import copy
from core.profile.errors import ProfileError
from core.profile.files import read_profile
from core.runs.access import read_whole
from core.runs.folder import RunFolder
from core.runs.stopping import Rung

SECONDS_WHEN_STILL = 2.0
"""Between two looks at a run that is over, or waits for others."""
ABOUT_CURVES = frozenset({"log_axis", "smooth", "axis", "choose_axis", "crosshair", "magnify", "show_all", "copy"})
"""Actions that have no use where a run has no curves."""

SMOOTH = "Smooth the loss more, or less"
ASIDE = "Move the crosshair along the curve; in the log, scroll sideways"


def seconds_to_next_read(curves_changed: bool) -> float:
    """Less often over SSH, where each repaint travels, and after curves were drawn, which is most of the work."""
    return 0.6 if curves_changed or "SSH_CONNECTION" in os.environ else 0.2


def _is_open_to(run: RunView) -> tuple[object, ...]:
    """What decides what can be done to a run."""
    return run.status, run.is_settled, reasons.why_no_curves(run)


class MonitorScreen(ConsoleScreen[None]):
    AUTO_FOCUS = ""
    CHANGES = frozenset({"stop", "resume", "fix", "dequeue", "write", "predict", "try_out"})
    BINDINGS: ClassVar[list[BindingType]] = named(
        "monitor",
        Binding("s", "stop", "Stop", tooltip="Stop the run: save first, at once, or kill; says what each keeps"),
        Binding("delete,backspace", "dequeue", "Take out", tooltip="Take the waiting run out of the queue"),
        Binding("R", "resume", "Resume", tooltip="Resume a run that ended early, from its newest checkpoint"),
        Binding("A", "fix", "Fix", tooltip="Retry a failed run with the settings proposed for it"),
        Binding("v", "report", "Report", tooltip="Report on the run's evaluation, once it has finished"),
        Binding(
            "P", "predict", "Predict", tooltip="Predict a file of rows with this run, or show its active prediction"
        ),
        Binding("T", "try_out", "Try", tooltip="Let the run judge a prompt and two answers that you type"),
        Binding("p", "profile", "Profile", tooltip="The profile this run was started with"),
        *PANES_IN_TURN,
        Binding("y", "log_axis", "Log", tooltip="Loss on a logarithmic axis, and back"),
        Binding("plus,equals_sign", "smooth(1)", "Smoother", key_display="+", group=SMOOTHING_KEYS, tooltip=SMOOTH),
        Binding("minus", "smooth(-1)", "Rougher", key_display="-", group=SMOOTHING_KEYS, tooltip=SMOOTH),
        Binding("x", "axis", "Axis", group=AXIS_KEYS, tooltip="Curves by step, epoch, tokens or time"),
        Binding("X", "choose_axis", "Axes", group=AXIS_KEYS, tooltip="Choose the x axis of the curves"),
        Binding("enter", "crosshair", "Crosshair", tooltip="Read values off the curves, step by step"),
        Binding("i", "magnify(0.5)", "Nearer", show=False, tooltip=ZOOM),
        Binding("I", "magnify(2)", "Farther", show=False, tooltip=ZOOM),
        Binding("0", "show_all", "Whole run", show=False, tooltip="Show the whole run in the curves"),
        *numbered(RANKS + 1),
        Binding("z", "zoom", "Zoom", tooltip="Only this pane on the screen, and back"),
        Binding("Y", "copy", "Copy", show=False, tooltip=COPY),
        Binding("w", "write", "Write CSV", show=False, tooltip="Write every point of the curves to a CSV file"),
        Binding("L", "whole_log", "Whole log", show=False, tooltip="Show what libraries log too, and back"),
        Binding("left,h", "aside(-1)", "Left", show=False, tooltip=ASIDE),
        Binding("right,l", "aside(1)", "Right", show=False, tooltip=ASIDE),
        *up_and_down("scroll_text", "scroll_text", 10, "in the figures, the ranks or the log"),
        Binding("escape", "app.pop_screen", "Back", tooltip="Back; the run continues"),
    )

    view: var[RunView | None] = var(None)

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder
        self._follower = Follower(folder)
        self._log = LogTail(folder.console_log)
        self._asked: dict[Rung, float] = {}

    def compose(self) -> ComposeResult:
        yield Strip().data_bind(MonitorScreen.view)
        yield MonitorPanes().data_bind(MonitorScreen.view)
        yield Footer()

    def on_mount(self) -> None:
        self.follow()

    @property
    def panes(self) -> MonitorPanes:
        return self.query_one(MonitorPanes)

    @property
    def in_front(self) -> Pane:
        return self.panes.in_front

    @property
    def is_ready(self) -> bool:
        return self.view is not None

    @work
    async def follow(self) -> None:
        """Read on and on: even a run that is over may be resumed elsewhere."""
        step_count = 0
        while True:
            view, lines = await in_thread(lambda: (self._follower.read(), self._log.read()))
            if not self.display:  # it is being left
                return
            self.view = view
            if lines:
                self.query_one(LogPane).add(lines)
            steps_before, step_count = step_count, len(self.view.state.steps)
            is_still = (view.is_settled or view.awaits_start) and not lines
            await asyncio.sleep(SECONDS_WHEN_STILL if is_still else seconds_to_next_read(step_count != steps_before))

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        was_waiting, waits = bool(before and before.awaits_start), bool(view and view.awaits_start)
        if was_waiting != waits:
            self.panes.choose(1 if waits else self.panes.there[0])  # what it waits for; then its curves
        if view and view.status.is_over and not (before and before.status.is_over):
            self.panes.choose(1)  # the result
            if before:
                self.post_message(RunEnded(view))
        if before is None or view is None or _is_open_to(before) != _is_open_to(view):
            self.refresh_bindings()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        view = self.view
        if action in ABOUT_CURVES and view and (why := reasons.why_no_curves(view)):
            return why
        if action == "pane_at" and parameters[0] not in self.panes.there:
            return "the run has a single rank" if parameters[0] == RANKS else reasons.NO_STEPS
        if action not in reasons.ABOUT:
            return super().why_not(action, parameters)
        return reasons.why_not(action, view) if view else "the run is being read"

    @work
    async def action_write(self) -> None:
        if self.view:
            await export(self.app, [self.view])

    @work(group=OPENING)
    async def action_dequeue(self) -> None:
        if await take_out(self, self.folder):
            self.app.pop_screen()

    def action_resume(self) -> None:
        self.post_message(ResumeRun(self.folder))

    def action_fix(self) -> None:
        self.post_message(FixRun(self.folder))

    def action_report(self) -> None:
        self.post_message(ReportRun(self.folder))

    def action_predict(self) -> None:
        self.post_message(PredictRun(self.folder))

    def action_try_out(self) -> None:
        self.post_message(TryRun(self.folder))

    @work(group=OPENING)
    async def action_profile(self) -> None:
        try:
            text = (await in_thread(partial(read_profile, self.folder.profile, read_whole))).text
        except ProfileError as error:
            text = str(error)
        self.app.push_screen(ReaderScreen("the profile of this run", text, language="toml"))

    def action_stop(self) -> None:
        if self.view:
            dialog = StopScreen(self.folder, self.view, self._asked)
            dialog.watch(self, "view", dialog.show, init=False)
            self.app.push_screen(dialog)

    def action_log_axis(self) -> None:
        self.panes.turn_log()

    @work(group=OPENING)
    async def action_choose_axis(self) -> None:
        curves = self.panes
        if chosen := await choose(self.app, "curves by", [axis.value for axis in Axis], curves.axis.value):
            curves.axis = Axis(chosen)

    def action_smooth(self, direction: int) -> None:
        self.panes.smooth(direction)

    def action_axis(self) -> None:
        self.panes.turn_axis()

    def action_crosshair(self) -> None:
        self.panes.turn_crosshair()

    def action_magnify(self, factor: float) -> None:
        self.panes.magnify(factor, self.panes.cursor)

    def action_show_all(self) -> None:
        self.panes.show_all()

    def action_copy(self) -> None:
        copy(self.app, self.get_selected_text() or self.in_front.says)

    def action_pane_at(self, index: int) -> None:
        self.panes.choose(index)

    def action_pane(self, direction: int) -> None:
        self.panes.turn(direction)

    def action_zoom(self) -> None:
        self.panes.toggle_class("-zoomed")

    def action_scroll_text(self, lines: int) -> None:
        self.panes.scroll_text(lines)

    def action_whole_log(self) -> None:
        self.query_one(LogPane).toggle()

    def action_aside(self, direction: int) -> None:
        """Once the crosshair is there, its pane has these keys."""
        if isinstance(self.in_front, PlotPane):
            self.panes.turn_crosshair()
        else:
            self.panes.shift_log(20 * direction)
