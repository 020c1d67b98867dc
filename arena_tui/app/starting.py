"""Starts runs for the console's screens, goes on with them, and queues them. Knows no key and no home screen."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from textual.app import App

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import ReaderScreen
from arena_tui.format.numbers import counted
from arena_tui.format.sanitize import printable
from arena_tui.runs.follow import Follower, RunList, RunView
from arena_tui.runs.messages import RunQueued
from arena_tui.screen import profiles
from arena_tui.screen.profiles import ProfileView
from core.files import in_words
from core.predict.folder import PredictionFolder
from core.profile.errors import ProfileError, SettingError
from core.profile.files import write_profile
from core.profile.sweep import Variant
from core.runs.actions import Job, new_run, resume, see_to_runner
from core.runs.folder import RunFolder
from core.runs.launch_script import demand_one_machine
from core.runs.process import LaunchError
from core.runs.queue import Queue, QueueError
from core.runs.resume import CannotResume, CannotRetry, prepare_retry

if TYPE_CHECKING:
    from arena_tui.plan.dialog import Chosen

SECONDS_BETWEEN_LOOKS = 5.0
"""At the queue: whether runs wait and nothing starts them."""


class Starter:
    """`program` is what trains a run, `plan_program` what tells of it before. What it opens, it opens on `app`.

    What asks the user waits for the answer, and is to be run as a worker.
    """

    def __init__(self, app: App[None], runs: Path, program: Sequence[str], plan_program: Sequence[str]) -> None:
        self._app = app
        self.runs = runs
        self.program = program
        self.plan_program = plan_program
        self.queue = Queue(self.runs)
        self.watched: dict[Path, RunFolder] = {}
        """Runs that were looked at, by path."""
        # Held so that Python does not warn of children that outlive their object: ours are meant to.
        self.child_processes: list[Popen[bytes]] = []

    async def resume(self, folder: RunFolder, overrides: tuple[str, ...] = ()) -> None:
        """Start a child that goes on with a run, and open a new monitor on it."""
        try:
            await self.start_job(await asyncio.to_thread(resume, folder, overrides, self.program))
        except (CannotResume, ProfileError, SettingError, LaunchError, OSError) as error:
            self.tell("the run was not resumed", in_words(error))
            return
        self._close_front()
        self.watch(folder)

    def watch(self, folder: RunFolder) -> None:
        """Open the screen of a run, or of a prediction."""
        from arena_tui.monitor.screen import MonitorScreen  # the first screen need not wait for it
        from arena_tui.predict.screen import PredictionScreen

        self.watched[folder.path] = folder
        screen = PredictionScreen(folder) if isinstance(folder, PredictionFolder) else MonitorScreen(folder)
        self._app.push_screen(screen)

    async def retry(self, folder: RunFolder) -> None:
        """Go on with a failed run with the settings proposed for it, or where it cannot, ask and start a new one."""
        try:
            retry = await asyncio.to_thread(prepare_retry, folder)
        except (CannotRetry, ProfileError, OSError) as error:
            self.tell("the run was not retried", in_words(error))
            return
        if retry.goes_on:
            await self.resume(folder, retry.overrides)
            return
        from arena_tui.plan.dialog import ConfirmScreen

        with TemporaryDirectory() as aside:  # the plan is made from a file
            path = Path(aside) / f"{folder.name}.toml"
            try:
                await asyncio.to_thread(write_profile, path, retry.text)
            except OSError as error:
                self.tell("the run was not retried", in_words(error))
                return
            confirm = ConfirmScreen(profiles.read(path), self.runs, self.plan_program, retry.changes)
            chosen = await self._app.push_screen_wait(confirm)
        if chosen:
            self._close_front()
            await self.run(chosen)

    def _close_front(self) -> None:
        """Close the screen in front, unless it is the first one: another follows in its place."""
        if len(self._app.screen_stack) > 1:
            self._app.pop_screen()

    async def run(self, chosen: "Chosen") -> None:
        """Start it, or queue it."""
        await (self.put_in_queue if chosen.is_queued else self.start)(chosen.profile)

    async def start(self, profile: ProfileView) -> None:
        """Make a run folder, open the monitor on it, and start the child there."""
        if profile.settings is None:
            self.tell(f"{profile.name} cannot be run", "\n".join(map(str, profile.problems)))
            return
        try:
            job = await asyncio.to_thread(
                new_run, self.runs, profile.settings, text=profile.text, name=profile.name, program=self.program
            )
        except (SettingError, OSError) as error:
            self.tell("the run did not start", in_words(error))
            return
        self.watch(job.folder)
        try:
            await self.start_job(job)
        except (OSError, LaunchError) as error:
            self.tell("the run did not start", in_words(error))

    async def start_job(self, job: Job[RunFolder]) -> None:
        """Start its process, unless one is at work already. Raises LaunchError, and OSError."""
        if child := await asyncio.to_thread(job.start):
            self.child_processes.append(child)

    def known(self, run_list: RunList) -> list[RunView]:
        """The runs of the list, and others that were looked at."""
        known = {run.folder.path: run for run in run_list.read()}
        others = (Follower(folder).read() for path, folder in self.watched.items() if path not in known)
        return [*known.values(), *others]

    async def keep_seeing_to_queue(self) -> None:
        """One look after the other: one that gets no answer is not followed by more."""
        while True:
            await self.see_to_queue()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def see_to_queue(self) -> None:
        """Start what starts the runs that wait, where it is gone: killed, or with the machine."""
        try:
            if runner := await in_thread(partial(see_to_runner, self.queue, self.program)):
                self.child_processes.append(runner)
        except OSError as error:
            self._app.log.warning(f"the queue's runner did not start: {in_words(error)}")

    async def put_in_queue(self, profile: ProfileView) -> None:
        """Make a run folder, and put it last in the queue."""
        assert profile.settings is not None
        try:
            demand_one_machine(profile.settings)
            folder = await asyncio.to_thread(self.queue.add, profile.settings, text=profile.text, name=profile.name)
        except (SettingError, QueueError, OSError) as error:
            self.tell("the run was not queued", in_words(error))
            return
        how = "the queue is paused" if self.queue.is_paused else "it starts by itself"
        self._app.notify(printable(folder.id), title=f"queued: {how}", markup=False)
        await self.see_to_queue()
        self._app.screen.post_message(RunQueued())

    async def queue_sweep(self, profile: ProfileView, runs: Sequence[Variant]) -> None:
        """Make a folder for each of the runs, and put them last in the queue."""
        queued = 0
        try:
            for run in runs:
                demand_one_machine(run.profile)
            for run in runs:
                await in_thread(partial(self.queue.add, run.profile, text=profile.text, name=profile.name))
                queued += 1
        except (SettingError, QueueError, OSError) as error:
            self.tell(f"{queued} of {counted(len(runs), 'run')} were queued", in_words(error))
        else:
            how = "the queue is paused" if self.queue.is_paused else "they start by themselves"
            told = f"{counted(queued, 'run')} of {printable(profile.name)}"
            self._app.notify(told, title=f"queued: {how}", markup=False)
        await self.see_to_queue()
        self._app.screen.post_message(RunQueued())

    def tell(self, title: str, text: str) -> None:
        self._app.push_screen(ReaderScreen(title, text))
