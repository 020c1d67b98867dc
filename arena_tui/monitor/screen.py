"""Monitor: how is it going? Follows one run's folder; the run knows nothing of it."""

import asyncio
import os
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Footer, Tab, Tabs

from arena_tui.children.child import in_thread
from arena_tui.dialogs.reader import ReaderScreen
from arena_tui.monitor.figures import FiguresPane
from arena_tui.monitor.loss import LossPane
from arena_tui.monitor.panes import PanesScreen
from arena_tui.monitor.readings import MemoryPane, gradient_norm, learning_rate, throughput
from arena_tui.monitor.stop_dialog import StopScreen
from arena_tui.plot.pane import COPY, SMOOTHING_KEYS, ZOOM, PlotPane
from arena_tui.runs.curve_files import export
from arena_tui.runs.follow import Follower, RunView
from arena_tui.runs.log_pane import LogPane, LogTail
from arena_tui.runs.queue_dialogs import take_out
from arena_tui.runs.strip import Strip
from arena_tui.screen.console_screen import RunEnded
from arena_tui.screen.keymap import named
from arena_tui.screen.messages import FixRun, PredictRun, ReportRun, ResumeRun
from arena_tui.widgets.pane import Pane
from core.profile.errors import ProfileError
from core.profile.files import read_profile
from core.runs.access import read_whole
from core.runs.folder import RunFolder
from core.runs.stopping import Rung

SECONDS_WHEN_STILL = 2.0
"""Between two looks at a run that is over, or waits for others."""
ABOUT_CURVES = frozenset({"log_axis", "smooth", "axis", "crosshair", "magnify", "show_all", "copy"})
"""Actions that have no use while a run waits and has no curves."""


def seconds_to_next_read(curves_changed: bool) -> float:
    """Less often over SSH, where each repaint travels, and after curves were drawn, which is most of the work."""
    return 0.6 if curves_changed or "SSH_CONNECTION" in os.environ else 0.2


class MonitorScreen(PanesScreen):
    CHANGES = frozenset({"stop", "resume", "fix", "dequeue", "write", "predict"})
    BINDINGS: ClassVar[list[BindingType]] = named(
        "monitor",
        Binding("s", "stop", "Stop", tooltip="Stop the run: save first, at once, or kill; it says what each keeps"),
        Binding("delete,backspace", "dequeue", "Take out", tooltip="Take the run, which waits, out of the queue"),
        Binding("R", "resume", "Resume", tooltip="Go on with a run that ended early, from its newest checkpoint"),
        Binding("f", "fix", "Fix", tooltip="Try again with the settings that are proposed for a failed run"),
        Binding("y", "log_axis", "Log", tooltip="Loss on a logarithmic axis, and back"),
        Binding(
            "plus,equals_sign",
            "smooth(1)",
            "Smoother",
            key_display="+",
            group=SMOOTHING_KEYS,
            tooltip="Smooth the loss more, or less",
        ),
        Binding(
            "minus",
            "smooth(-1)",
            "Rougher",
            key_display="-",
            group=SMOOTHING_KEYS,
            tooltip="Smooth the loss more, or less",
        ),
        Binding("x", "axis", "Axis", tooltip="Curves by step, epoch, tokens or time"),
        Binding("c", "crosshair", "Crosshair", tooltip="Read the curves off, step by step"),
        Binding(
            "i",
            "magnify(0.5)",
            "Nearer",
            show=False,
            tooltip=ZOOM,
        ),
        Binding("o", "magnify(2)", "Farther", show=False, tooltip=ZOOM),
        Binding("0", "show_all", "Whole run", show=False, tooltip="The whole run in the curves"),
        Binding("shift+tab,left,h", "pane(-1)", "Pane before", show=False, tooltip="The next pane, or the one before"),
        Binding("tab,right,l", "pane(1)", "Pane", key_display="tab", tooltip="The next pane, or the one before"),
        *[
            Binding(str(n), f"pane_at({n - 1})", f"Pane {n}", show=False, tooltip="The pane with this number")
            for n in range(1, 8)
        ],
        Binding("z", "zoom", "Zoom", tooltip="This pane alone on the screen, and back"),
        Binding("Y", "copy", "Copy", show=False, tooltip=COPY),
        Binding("w", "write", "Write CSV", show=False, tooltip="Write every point of the curves to a CSV file"),
        Binding("down,j", "scroll_text(1)", "Down", show=False, tooltip="Scroll the figures or the log"),
        Binding("up,k", "scroll_text(-1)", "Up", show=False, tooltip="Scroll the figures or the log"),
        Binding("pagedown", "scroll_text(10)", "Page down", show=False, tooltip="Scroll the figures or the log"),
        Binding("pageup", "scroll_text(-10)", "Page up", show=False, tooltip="Scroll the figures or the log"),
        Binding("greater_than_sign", "shift_log(20)", "Log right", show=False, tooltip="Along long lines of the log"),
        Binding("less_than_sign", "shift_log(-20)", "Log left", show=False, tooltip="Along long lines of the log"),
        Binding("v", "report", "Report", tooltip="Where it is won and lost: the evaluation in full"),
        Binding("P", "predict", "Predict", tooltip="Answer a file of rows with this run, or look at how that goes on"),
        Binding("p", "profile", "Profile", tooltip="The profile this run was started with"),
        Binding("escape", "app.pop_screen", "Home", tooltip="Back to profiles and runs; the run goes on"),
    )

    DEFAULT_CSS = """
    MonitorScreen {
        Tabs { display: none; }
        Tab { padding: 0 0 0 1; }
        #panes {
            height: 1fr;
            layout: grid;
            grid-size: 12 3;
            grid-rows: 2fr 1fr 1fr;
        }
        #loss { column-span: 7; }
        #figures { column-span: 5; }
        #learning-rate, #gradient, #throughput { column-span: 4; }
        #log { column-span: 8; }
        #memory { column-span: 4; }

        /* One pane at a time, chosen by tabs: on small terminals, and where a pane is zoomed. */
        &.-narrow, &.-low, &.-zoomed {
            Tabs { display: block; }
            #panes { layout: vertical; }
            Pane { display: none; width: 1fr; height: 1fr; }
            Pane.-current { display: block; }
        }
    }
    """

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder
        self._follower = Follower(folder)
        self._log = LogTail(folder.console_log)
        self._asked: dict[Rung, float] = {}

    def compose(self) -> ComposeResult:
        yield Strip().data_bind(MonitorScreen.view)
        panes: list[Pane] = [
            LossPane(id="loss"),
            FiguresPane(id="figures"),
            learning_rate(),
            gradient_norm(),
            throughput(),
            MemoryPane(id="memory"),
            LogPane(id="log"),
        ]
        for number, pane in enumerate(panes, 1):
            pane.number = number
        tabs = Tabs(*(Tab(f"{pane.number} {pane.tab_name}") for pane in panes))
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            for pane in panes:
                pane.data_bind(MonitorScreen.view)
                if isinstance(pane, PlotPane):
                    pane.data_bind(MonitorScreen.axis, MonitorScreen.cursor, MonitorScreen.window)
                yield pane
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.panes = list(self.query(Pane))
        self.choose(0)
        self.follow()

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
            is_still = (view.is_settled or view.wait) and not lines
            await asyncio.sleep(SECONDS_WHEN_STILL if is_still else seconds_to_next_read(step_count != steps_before))

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        was_waiting, waits = bool(before and before.wait), bool(view and view.wait)
        if was_waiting != waits:
            self.choose(1 if waits else 0)  # what it waits for; then its curves
            self.refresh_bindings()
        if view and view.status.is_over and not (before and before.status.is_over):
            self.choose(1)  # the result
            self.refresh_bindings()
            if before:
                self.post_message(RunEnded(view))
        if view and before and view.is_settled != before.is_settled:
            self.refresh_bindings()  # the process has gone as well: now the run can be resumed; or it goes on again

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not super().check_action(action, parameters):
            return False
        if self.view is not None and self.view.wait and action in ABOUT_CURVES:
            return False
        if action == "stop":
            return self.view is not None and not self.view.status.is_over and not self.view.wait
        if action == "dequeue":
            return self.view is not None and self.view.wait is not None
        if action == "resume":
            return self.view is not None and self.view.can_be_resumed
        if action == "report":
            return self.view is not None and self.view.has_report
        if action == "fix":
            return self.view is not None and self.view.can_be_fixed
        if action == "predict":
            return self.view is not None and self.view.status.is_over
        return True

    @work
    async def action_write(self) -> None:
        if self.view:
            await export(self.app, [self.view])

    @work
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

    @work
    async def action_profile(self) -> None:
        try:
            text = (await in_thread(partial(read_profile, self.folder.profile, read_whole))).text
        except ProfileError as error:
            text = str(error)
        self.app.push_screen(ReaderScreen("the profile of this run", text, language="toml"))

    def action_stop(self) -> None:
        if self.view:
            self.app.push_screen(StopScreen(self, self._asked))
