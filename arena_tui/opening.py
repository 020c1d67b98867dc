"""Which screen follows which: opens what the console's screens ask for. Knows no key.

Screens are imported when they are opened: the first one need not wait for the others, nor for what those need.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from arena_tui.ahead import Ahead
from arena_tui.follow import RunList
from arena_tui.profiles import ProfileView
from arena_tui.screens.home import HomeScreen
from arena_tui.standins import can_be_held
from arena_tui.starting import StartingApp
from core.profile.files import read_profile
from core.profile.load import ProfileError
from core.runs.folder import RunFolder
from core.runs.process import LaunchError, launch
from core.score.request import CannotPredict

if TYPE_CHECKING:
    from arena_tui.screens.history import HistoryScreen
    from arena_tui.screens.inspection_screen import InspectionScreen
    from arena_tui.screens.monitor import MonitorScreen


class OpeningApp(StartingApp):
    """`predict_program` is what answers rows."""

    def __init__(
        self, runs: Path, program: Sequence[str], plan_program: Sequence[str], predict_program: Sequence[str]
    ) -> None:
        super().__init__(runs, program, plan_program)
        self.predict_program = predict_program
        self.run_list = RunList(self.runs)
        self._ahead = Ahead()

    @work
    async def on_home_screen_start(self, message: HomeScreen.Start) -> None:
        from arena_tui.screens.confirm import ConfirmScreen

        confirm = ConfirmScreen(message.profile, self.runs, self.plan_program)
        if chosen := await self.push_screen_wait(confirm):
            self.run_chosen(chosen)

    def on_home_screen_edit(self, message: HomeScreen.Edit) -> None:
        self.edit_profile(message.profile)

    async def on_home_screen_looked_at(self, message: HomeScreen.LookedAt) -> None:
        await self._ahead.get_ready(message.profile)

    async def on_unmount(self) -> None:
        await self._ahead.end()

    @work
    async def on_home_screen_inspect(self, message: HomeScreen.Inspect) -> None:
        child = None
        with suppress(OSError):  # the screen will ask again, and tell
            child = await self._ahead.begin(message.profile)
        # Only now, while the child is at work: it needs numpy and pyarrow, which are slow to import.
        from arena_tui.screens.data import DataScreen

        self.push_screen(DataScreen(message.profile, self.runs, plan_program=self.plan_program, child=child))

    def on_inspection_screen_edit(self, message: "InspectionScreen.Edit") -> None:
        self.edit_profile(message.profile)

    @work
    async def edit_profile(self, profile: ProfileView) -> None:
        """Open the editor on a profile."""
        from arena_tui.screens.editor import MOST_CHARACTERS, EditorScreen

        try:
            file = await asyncio.to_thread(read_profile, profile.path)
        except ProfileError as error:
            self.tell(f"{profile.name} cannot be edited here", str(error))
            return
        if len(file.text) > MOST_CHARACTERS or not can_be_held(file.text):
            self.tell(f"{file.name} cannot be edited here", "It is too long, or holds characters for private use.")
            return
        self.push_screen(EditorScreen(file))

    def on_home_screen_open(self, message: HomeScreen.Open) -> None:
        self.watch_run(message.folder)

    def on_home_screen_resume(self, message: HomeScreen.Resume) -> None:
        self.resume_run(message.folder)

    def on_home_screen_list_runs(self, message: HomeScreen.ListRuns) -> None:
        from arena_tui.screens.history import HistoryScreen

        self.push_screen(HistoryScreen(self.run_list, message.runs))

    def on_history_screen_open(self, message: "HistoryScreen.Open") -> None:
        self.watch_run(message.folder)

    def on_history_screen_compare(self, message: "HistoryScreen.Compare") -> None:
        from arena_tui.screens.compare import CompareScreen

        self.push_screen(CompareScreen(message.folders))

    def on_monitor_screen_resume(self, message: "MonitorScreen.Resume") -> None:
        self.resume_run(message.folder)

    def on_home_screen_report(self, message: HomeScreen.Report) -> None:
        self.report_on(message.folder)

    def on_history_screen_report(self, message: "HistoryScreen.Report") -> None:
        self.report_on(message.folder)

    def on_monitor_screen_report(self, message: "MonitorScreen.Report") -> None:
        self.report_on(message.folder)

    def report_on(self, folder: RunFolder) -> None:
        """Open the report on a finished run."""
        from arena_tui.screens.report import ReportScreen

        self.push_screen(ReportScreen(folder))

    @work
    async def on_monitor_screen_predict(self, message: "MonitorScreen.Predict") -> None:
        from arena_tui.screens.prediction import ask_for_prediction

        try:
            answer = await ask_for_prediction(self, message.folder)
            if answer is None:
                return
            folder, is_at_work = answer
            if not is_at_work:
                self.child_processes.append(await asyncio.to_thread(launch, folder, self.predict_program))
        except (CannotPredict, LaunchError, ProfileError, OSError) as error:
            self.tell("nothing is predicted", str(error))
            return
        self.watch_run(folder)

    def on_home_screen_fix(self, message: HomeScreen.Fix) -> None:
        self.retry_run(message.folder)

    def on_monitor_screen_fix(self, message: "MonitorScreen.Fix") -> None:
        self.retry_run(message.folder)
