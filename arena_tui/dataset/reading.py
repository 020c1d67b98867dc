"""Reading a profile's rows in a child, noticing a changed file, and the line that says how far it is."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import var
from textual.widgets import Static

from arena_tui.children.child import answers, ask
from arena_tui.format import numbers
from arena_tui.format.sanitize import place, printable
from arena_tui.rows.view import Inspected, load, split_again
from arena_tui.screen import profiles
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.keymap import hint, named
from arena_tui.screen.messages import EditProfile
from arena_tui.screen.profiles import ProfileView
from core.files import Stamp, stamp
from core.inspect.protocol import INSPECT, Progress
from core.profile.edit import Value
from core.profile.errors import ProfileError
from core.profile.files import expanded
from core.profile.settings import Profile


class InspectionLine(Horizontal):
    DEFAULT_CSS = """
    InspectionLine {
        height: 1;
        padding: 0 1;
        background: $panel;
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        #state.-warning { color: $text-warning; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield Static(id="state", markup=False)

    def show(self, profile: str, state: str, *, is_warning: bool) -> None:
        self.query_one("#title", Static).update(printable(profile))
        line = self.query_one("#state", Static)
        line.set_class(is_warning, "-warning")
        line.update(state)


def how_far(progress: Progress, seen: Inspected | None, source: str) -> str:
    """How much of `source` has been read, and how far that can be trusted."""
    total = progress.rows_total
    about = f"{numbers.count(progress.rows)} of about {numbers.count(total)} rows" if total else "…"
    if seen is None or (seen.is_sample and not total):
        return f"reading {printable(source)} {about}"
    if seen.is_sample:
        error = 100 * seen.margin(len(seen.rows) // 2)
        return f"a sample: the first {numbers.count(len(seen.rows))} rows, ±{error:.1f} at most · read {about}"
    percents = seen.lengths.percentiles
    return (
        f"{numbers.count(len(seen.rows))} rows · median {numbers.count(percents[50])}, "
        f"longest {numbers.count(percents[100])} tokens · {printable(source)}"
    )


SECONDS_BETWEEN_LOOKS = 2.0


class InspectionScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"edit", "split", "write"})

    BINDINGS: ClassVar[list[BindingType]] = named(
        "data",
        Binding("r", "read", "Read again", show=False, tooltip="Read the rows again, from the file as it is now"),
        Binding("e", "edit", "Edit", show=False, tooltip="Edit the profile"),
        Binding("p", "split", "Split", show=False, tooltip='Write split.by = "prompt", so that no prompt leaks'),
    )

    progress: var[Progress] = var(Progress())
    problem: var[str] = var("")
    is_changed: var[bool] = var(False)
    """Whether the file of rows is no longer the one that was read."""

    def __init__(self, profile: ProfileView, program: Sequence[str] = INSPECT, child: Process | None = None) -> None:
        """`profile` is one without problems; `program` is the inspection child, which is given the profile's path.

        `child` is one that has been started already.
        """
        super().__init__()
        assert profile.settings is not None
        self.profile = profile
        self.settings: Profile = profile.settings
        self.seen: Inspected | None = None
        self._program = program
        self._child = child
        self._stamp: Stamp | None = None

    def on_mount(self) -> None:
        self.call_after_refresh(self.action_read)  # an answer may come at once, and needs a place to stand
        self.look()

    def show_rows(self, seen: Inspected) -> None:
        """Show these rows, or the same ones under settings that have changed."""
        raise NotImplementedError

    @work(exclusive=True, group="read")
    async def action_read(self) -> None:
        """Ask the child for all rows, and show the first ones meanwhile. The child ends with the screen."""
        self.problem, self.is_changed, self.progress = "", False, Progress()
        rows = Path(expanded(self.settings.data.train))
        self._stamp = await asyncio.to_thread(stamp, rows)
        try:
            child = self._child or await ask(self._program, str(self.profile.path))
            self._child = None
            async with aclosing(answers(child, Progress)) as told:
                async for progress in told:
                    self.progress = progress
                    await self._take(progress)
        except OSError as error:
            self.problem = f"the rows cannot be read: {error}"
        if self.progress.problem:
            self.problem = self.progress.problem
        elif not self.progress.whole and not self.problem:
            self.problem = "The inspection ended before all rows were read."

    async def _take(self, progress: Progress) -> None:
        try:
            seen = await asyncio.to_thread(load, progress, self.settings)
        except FileNotFoundError:
            if progress.whole:
                raise
            return  # the first rows were put away for the whole file, of which we hear in a moment
        if seen and self.display:  # else it is being left
            self.seen = seen
            self.show_rows(seen)

    @work
    async def look(self) -> None:
        """Notice when the file of rows is changed."""
        rows = Path(expanded(self.settings.data.train))
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if self._stamp is not None:
                self.is_changed = await asyncio.to_thread(stamp, rows) != self._stamp

    @work
    async def on_screen_resume(self) -> None:
        """Read again after the profile was edited."""
        profile = await asyncio.to_thread(profiles.read, self.profile.path)
        if profile.text == self.profile.text:
            return
        self.profile = profile
        if profile.settings:
            self.settings = profile.settings
            self.action_read()
        else:
            self.problem = "\n".join(map(str, profile.problems))

    def action_edit(self) -> None:
        self.post_message(EditProfile(self.profile))

    @work(exclusive=True, group="write")
    async def action_split(self) -> None:
        if self.settings.split.by == "prompt":
            self.notify("The profile is split by prompt already.")
        else:
            await self.write([("split.by", "prompt")])

    async def write(self, values: Sequence[tuple[str, Value]]) -> bool:
        """Whether these settings now stand in the profile's file; a shipped profile gets a copy of one's own."""
        path = self.profile.path
        try:
            for key, value in values:
                path = await asyncio.to_thread(profiles.set_in_file, path, key, value)
        except (OSError, ProfileError) as error:
            self.notify(printable(f"not written: {error}"), severity="error", markup=False)
            return False
        profile = await asyncio.to_thread(profiles.read, path)
        if profile.settings is None:
            way_out = hint(self, "edit", "; {} edits it").plain
            self.notify(f"{place(path)} has problems{way_out}", severity="error", markup=False)
            return False
        self.profile, self.settings = profile, profile.settings
        if self.seen:
            self.seen = await asyncio.to_thread(split_again, self.seen, self.settings)
            self.show_rows(self.seen)
        self.notify(f"written: {place(path)}", markup=False)
        return True
