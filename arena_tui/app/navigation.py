"""Which screen follows which: opens what the user asks for on another. Knows no key.

Screens are imported when they are opened: the first one need not wait for the others, nor for what those need.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from textual.app import App
from textual.binding import BindingType

from arena_tui.app.starting import Starter
from arena_tui.children.child import Ahead, in_thread
from arena_tui.runs.follow import RunList, RunView
from arena_tui.screen.profiles import ProfileView
from arena_tui.terminal.private_use import can_be_held
from core.config import ConfigFile
from core.files import in_words
from core.predict.request import CannotPredict
from core.profile.errors import Problem, ProfileError
from core.profile.files import read_profile
from core.runs.folder import RunFolder
from core.runs.process import LaunchError


class Navigation:
    """Opens screens on `app`; `starter` runs what is confirmed there, `predict_program` is what answers rows.

    What asks the user waits for the answer, and is to be run as a worker.
    """

    def __init__(self, app: App[None], starter: Starter, run_list: RunList, predict_program: Sequence[str]) -> None:
        self._app = app
        self._starter = starter
        self._run_list = run_list
        self._predict_program = predict_program
        self._ahead = Ahead()
        self._tried: dict[Path, dict[str, str]] = {}
        """The texts that were tried with each run."""

    def key_problems(self, file: ConfigFile, of_the_app: Sequence[BindingType]) -> list[Problem]:
        """What is wrong with the keys that the user has chosen. Imports all screens, whose keys they may change."""
        from arena_tui.app.bindings import key_problems_of

        return key_problems_of(file, of_the_app)

    async def confirm(self, profile: ProfileView) -> None:
        """Show what a run of this profile would be, and start it or queue it if the user wants that."""
        from arena_tui.plan.dialog import ConfirmScreen

        confirm = ConfirmScreen(profile, self._starter.runs, self._starter.plan_program)
        if chosen := await self._app.push_screen_wait(confirm):
            await self._starter.run(chosen)

    async def sweep(self, profile: ProfileView) -> None:
        """Ask which values of which settings, and queue a run of the profile for each."""
        from arena_tui.home.sweep import SweepScreen

        if runs := await self._app.push_screen_wait(SweepScreen(profile)):
            await self._starter.queue_sweep(profile, runs)

    async def edit(self, profile: ProfileView) -> None:
        from arena_tui.editor.screen import EditorScreen

        try:
            file = await in_thread(partial(read_profile, profile.path))
        except ProfileError as error:
            self._starter.tell(f"{profile.name} cannot be edited here", str(error))
            return
        if not can_be_held(file.text):
            why = "It or one of its lines is too long, or it contains private-use characters."
            self._starter.tell(f"{file.name} cannot be edited here", why)
            return
        self._app.push_screen(EditorScreen(file))

    async def get_ready(self, profile: ProfileView) -> None:
        """Prepare for the rows of a profile that is being looked at."""
        await self._ahead.get_ready(profile)

    async def end(self) -> None:
        """Let go of what was prepared."""
        await self._ahead.end()

    async def inspect(self, profile: ProfileView) -> None:
        child = None
        with suppress(OSError):  # the screen will ask again, and tell
            child = await self._ahead.begin(profile)
        # Only now, while the child is at work: it needs numpy and pyarrow, which are slow to import.
        from arena_tui.dataset.screen import DataScreen

        starter = self._starter
        self._app.push_screen(DataScreen(profile, starter.runs, plan_program=starter.plan_program, child=child))

    def list_runs(self, known: tuple[RunView, ...], words: str) -> None:
        from arena_tui.history.screen import HistoryScreen

        self._app.push_screen(HistoryScreen(self._run_list, known, words))

    def list_predictions(self) -> None:
        from arena_tui.predict.list_screen import PredictionsScreen

        if not any(isinstance(screen, PredictionsScreen) for screen in self._app.screen_stack):
            self._app.push_screen(PredictionsScreen(self._starter.runs))
        while not isinstance(self._app.screen, PredictionsScreen):  # one is opened from it: back to it
            self._app.pop_screen()

    def report(self, folder: RunFolder) -> None:
        from arena_tui.report.screen import ReportScreen

        self._app.push_screen(ReportScreen(folder))

    def compare(self, folders: Sequence[RunFolder]) -> None:
        from arena_tui.compare.screen import CompareScreen

        self._app.push_screen(CompareScreen(folders))

    def try_out(self, folder: RunFolder) -> None:
        from arena_tui.predict.try_screen import TryScreen

        self._app.push_screen(TryScreen(folder, self._tried.setdefault(folder.path, {})))

    async def predict(self, folder: RunFolder) -> None:
        """Ask what is to be predicted, begin it, and show it."""
        from arena_tui.predict.screen import ask_for_prediction

        try:
            job = await ask_for_prediction(self._app, folder, self._predict_program)
            if job is None:
                return
            await self._starter.start_job(job)
        except (CannotPredict, LaunchError, ProfileError, OSError) as error:
            self._starter.tell("the prediction did not start", in_words(error))
            return
        self._starter.watch(job.folder)
