"""Which screen follows which: opens what the user asks for on another. Knows no key.

Screens are imported when they are opened: the first one need not wait for the others, nor for what those need.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from textual import work

from arena_tui.app.starting import StartingApp
from arena_tui.children.child import in_thread
from arena_tui.children.prefetch import Ahead
from arena_tui.home.screen import HomeScreen
from arena_tui.runs.follow import RunList
from arena_tui.screen.messages import (
    CompareRuns,
    EditProfile,
    FixRun,
    InspectProfile,
    ListRuns,
    OpenRun,
    PredictRun,
    ReportRun,
    ResumeRun,
    StartProfile,
)
from arena_tui.terminal.private_use import can_be_held
from core.predict.request import CannotPredict
from core.profile.errors import ProfileError
from core.profile.files import read_profile
from core.runs.process import LaunchError


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
    async def on_start_profile(self, wish: StartProfile) -> None:
        from arena_tui.plan.dialog import ConfirmScreen

        confirm = ConfirmScreen(wish.profile, self.runs, self.plan_program)
        if chosen := await self.push_screen_wait(confirm):
            self.run_chosen(chosen)

    @work
    async def on_edit_profile(self, wish: EditProfile) -> None:
        from arena_tui.editor.screen import MOST_CHARACTERS, EditorScreen

        try:
            file = await in_thread(partial(read_profile, wish.profile.path))
        except ProfileError as error:
            self.tell(f"{wish.profile.name} cannot be edited here", str(error))
            return
        if len(file.text) > MOST_CHARACTERS or not can_be_held(file.text):
            self.tell(f"{file.name} cannot be edited here", "It is too long, or holds characters for private use.")
            return
        self.push_screen(EditorScreen(file))

    async def on_home_screen_looked_at(self, message: HomeScreen.LookedAt) -> None:
        await self._ahead.get_ready(message.profile)

    async def on_unmount(self) -> None:
        await self._ahead.end()

    @work
    async def on_inspect_profile(self, wish: InspectProfile) -> None:
        child = None
        with suppress(OSError):  # the screen will ask again, and tell
            child = await self._ahead.begin(wish.profile)
        # Only now, while the child is at work: it needs numpy and pyarrow, which are slow to import.
        from arena_tui.dataset.screen import DataScreen

        self.push_screen(DataScreen(wish.profile, self.runs, plan_program=self.plan_program, child=child))

    def on_list_runs(self, wish: ListRuns) -> None:
        from arena_tui.history.screen import HistoryScreen

        self.push_screen(HistoryScreen(self.run_list, wish.runs))

    def on_open_run(self, wish: OpenRun) -> None:
        self.watch_run(wish.folder)

    def on_resume_run(self, wish: ResumeRun) -> None:
        self.resume_run(wish.folder)

    def on_fix_run(self, wish: FixRun) -> None:
        self.retry_run(wish.folder)

    def on_report_run(self, wish: ReportRun) -> None:
        from arena_tui.report.screen import ReportScreen

        self.push_screen(ReportScreen(wish.folder))

    def on_compare_runs(self, wish: CompareRuns) -> None:
        from arena_tui.compare.screen import CompareScreen

        self.push_screen(CompareScreen(wish.folders))

    @work
    async def on_predict_run(self, wish: PredictRun) -> None:
        from arena_tui.predict.screen import ask_for_prediction

        try:
            job = await ask_for_prediction(self, wish.folder, self.predict_program)
            if job is None:
                return
            await self.start_job(job)
        except (CannotPredict, LaunchError, ProfileError, OSError) as error:
            self.tell("nothing is predicted", str(error))
            return
        self.watch_run(job.folder)
