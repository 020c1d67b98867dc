"""Home: what shall I do? Profiles and what each would do, runs and what became of each."""

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus, ScreenResume
from textual.reactive import var
from textual.widgets import OptionList

from arena_tui.children.child import in_thread
from arena_tui.home.keys import KEYS
from arena_tui.home.lists import Beside, ProfileMenu, RunMenu
from arena_tui.home.panels import ChosenPanel, ProfilePanel
from arena_tui.home.title import MachineLine, TitleLine
from arena_tui.runs import messages, reasons
from arena_tui.runs.follow import RunList, RunView
from arena_tui.runs.queue_dialogs import adopt, move, pause, take_out
from arena_tui.screen.console_screen import OPENING, READONLY, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import hint
from arena_tui.screen.profiles import Profiles, ProfileView
from arena_tui.screen.undo import Undone
from core.machine.gpus import look
from core.runs.queue import Queue, Where

SECONDS_BETWEEN_READS = 2.0
SECONDS_OF_REST = 0.5
"""After which a profile is being looked at, and not passed by."""


class HomeScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"start", "sweep", "edit", "resume", "fix", "move", "dequeue", "adopt", "pause"})
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    DEFAULT_CSS = """
    HomeScreen {
        #profiles { height: 2fr; }
        #runs { height: 3fr; }
    }
    """

    profiles: var[tuple[ProfileView, ...]] = var(())
    runs: var[tuple[RunView, ...]] = var(())

    def __init__(self, run_list: RunList) -> None:
        super().__init__()
        self._news = asyncio.Event()
        self._profiles_there = Profiles(Path.cwd())
        self._run_list = run_list
        self._runs_are_chosen = False

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action == "list_folds":
            told = "fewer than two folds of this profile have a run: arena-tui folds queues them"
            return "" if self.query_one(ProfilePanel).folds.are_told else told
        if action not in reasons.ABOUT:
            return super().why_not(action, parameters)
        way = hint(self, "pane_at(1)", "; {} leads to the list of runs").plain
        return reasons.why_not(action, self._run) if self._run else f"only for a run{way}"

    def compose(self) -> ComposeResult:
        yield TitleLine(self.app.has_class(READONLY))
        with Beside():
            with Vertical(id="lists"):
                yield ProfileMenu("none; put one into profiles/", id="profiles")
                yield RunMenu("none yet" + hint(self, "start", "; {} starts a profile").plain, id="runs")
            yield ChosenPanel(id="chosen")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#profiles").focus()
        self.read_profiles()

    @work
    async def read_profiles(self) -> None:
        """Look at the profiles every now and then; and at the runs once there is a first answer. Each by itself: a
        runs folder that does not answer is no reason to see no profile."""
        await self._until_seen()
        self.profiles = await in_thread(self._profiles_there.read)
        if self.display:  # else it is being left
            self.read_runs()
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_READS)
            await self._until_seen()
            self.profiles = await in_thread(self._profiles_there.read)

    @work
    async def read_runs(self) -> None:
        """Look at the runs and the machine every now and then, and at once where there is news."""
        menu, machine_line = self.query_one(RunMenu), self.query_one(MachineLine)
        menu.border_subtitle = Content("reading …")
        runs = await in_thread(self._run_list.read)
        menu.border_subtitle = Content("")
        while True:
            self.runs, menu.is_queue_paused = runs, self._run_list.is_queue_paused
            machine_line.show(await in_thread(partial(look, self._run_list.runs)))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), SECONDS_BETWEEN_READS)
            self._news.clear()
            await self._until_seen()
            runs = await in_thread(self._run_list.read)

    async def _until_seen(self) -> None:
        while not self.is_seen:
            await asyncio.sleep(SECONDS_BETWEEN_READS)

    @on(messages.RunQueued)
    @on(Undone)
    def look_again(self) -> None:
        """Read the runs now: something has been done that is to be seen at once."""
        self._news.set()

    def watch_profiles(self, profiles: tuple[ProfileView, ...]) -> None:
        if not self.display:
            return
        self.query_one(ProfileMenu).show_profiles(profiles)
        self._show_chosen()

    def watch_runs(self, before: tuple[RunView, ...], runs: tuple[RunView, ...]) -> None:
        if not self.display:
            return
        going_on = {run.folder.path for run in before if not run.status.is_over}
        for run in runs:
            if run.status.is_over and run.folder.path in going_on:
                self.post_message(messages.RunEnded(run))
        self.query_one(ProfilePanel).runs = runs
        self.query_one(RunMenu).show_runs(runs, hint(self, "list_runs", " · {} all as a table"))
        self._show_chosen()

    @on(OptionList.OptionHighlighted)
    def _show_chosen(self) -> None:
        self.query_one(ChosenPanel).show(self._run or self._profile)
        self.refresh_bindings()
        self._see_it_rest()

    @on(ScreenResume)
    @work(exclusive=True, group="rest")
    async def _see_it_rest(self) -> None:
        await asyncio.sleep(SECONDS_OF_REST)
        profile = self._profile if self.display and self.is_seen else None
        if profile and not profile.problems and not self._runs_are_chosen:
            self.post_message(messages.LookedAt(profile))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if isinstance(event.widget, ProfileMenu | RunMenu):
            self._runs_are_chosen = isinstance(event.widget, RunMenu)
            self._show_chosen()

    @on(OptionList.OptionSelected, "#profiles")
    def _start_selected(self) -> None:
        if self.check_action("start", ()):
            self.action_start()

    def action_start(self) -> None:
        if (profile := self._profile) is None:
            self.notify("There is no profile to start.", severity="warning")
        elif profile.problems:
            self.query_one("#profiles").focus()
            self._tell_problems("cannot be run")
        else:
            self.post_message(messages.StartProfile(profile))

    def action_sweep(self) -> None:
        if (profile := self._profile) and profile.problems:
            self._tell_problems("cannot be run")
        elif profile:
            self.post_message(messages.SweepProfile(profile))

    def _tell_problems(self, what: str) -> None:
        way_out = hint(self, "edit", "; {} edits it").plain
        self.notify(f"This profile {what}: its problems are listed{way_out}.", severity="error")

    def action_edit(self) -> None:
        if profile := self._profile:
            self.post_message(messages.EditProfile(profile))

    def action_inspect(self) -> None:
        profile = self._profile
        if profile and profile.problems:
            self._tell_problems("cannot be inspected")
        elif profile:
            self.post_message(messages.InspectProfile(profile))

    @on(OptionList.OptionSelected, "#runs")
    def open_run(self) -> None:
        if run := self.query_one(RunMenu).chosen:
            self.post_message(messages.OpenRun(run.folder))

    def action_resume(self) -> None:
        if run := self._run:
            self.post_message(messages.ResumeRun(run.folder))

    def action_report(self) -> None:
        if run := self._run:
            self.post_message(messages.ReportRun(run.folder))

    def action_list_runs(self) -> None:
        self.post_message(messages.ListRuns(self.runs))

    def action_list_folds(self) -> None:
        self.post_message(messages.ListRuns(self.runs, self.query_one(ProfilePanel).folds.name))

    def action_fix(self) -> None:
        if run := self._run:
            self.post_message(messages.FixRun(run.folder))

    def action_pane_at(self, index: int) -> None:
        for pane in self.focus_chain[index : index + 1]:  # the last one holds nothing where nothing is chosen
            self.set_focus(pane)

    @work
    async def action_move(self, where: Where) -> None:
        if (run := self._run) and run.wait:
            await move(self, run.folder, where)
            self.look_again()

    @work(group=OPENING)
    async def action_dequeue(self) -> None:
        if (run := self._run) and run.wait and await take_out(self, run.folder):
            self.look_again()

    @work(group=OPENING)
    async def action_adopt(self) -> None:
        if (run := self._run) and run.wait and await adopt(self, run.folder, run.wait):
            self.look_again()

    @work
    async def action_pause(self) -> None:
        await pause(self, Queue(self._run_list.runs))
        self.look_again()

    @property
    def _profile(self) -> ProfileView | None:
        """The profile that is marked in its list, whether keys are for that or for the runs."""
        return self.query_one(ProfileMenu).chosen

    @property
    def _run(self) -> RunView | None:
        """The run that keys are for; None while they are for the profiles."""
        return self.query_one(RunMenu).chosen if self._runs_are_chosen else None
