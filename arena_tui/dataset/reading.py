"""A profile's rows as far as a child has read them, whether their file is still the same, and the line that says so."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from arena_tui.children.child import answers, ask, end_child
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.rows.view import Inspected, load, split_again
from arena_tui.screen import profiles
from arena_tui.screen.profiles import ProfileView, Written
from core.data.example import RowsRead
from core.files import Stamp, stamp
from core.inspect.protocol import Progress
from core.profile.edit import Value
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


class WaitingText(Static):
    """Says what the first rows wait for, in place of all that there is to show of rows."""

    SCOPED_CSS = False  # it hides what is beside it
    DEFAULT_CSS = """
    WaitingText { display: none; padding: 1 2; }
    .-waiting WaitingText { display: block; }
    .-waiting WhatIf, .-waiting DataPanes { display: none; }
    """

    def show(self, words: str) -> None:
        """Where there are any."""
        self.screen.set_class(bool(words), "-waiting")
        self.update(Content(f"{words} …\n\nThis takes about half a minute."))


def how_far(progress: Progress, seen: Inspected | None, sources: Sequence[str]) -> str:
    """How much of `sources` has been read, and how far that can be trusted."""
    source = ", ".join(sources)
    total = progress.rows_total
    of_all = f" of about {numbers.count(total)}" if total else ""
    about = f"{numbers.count(progress.rows)}{of_all} rows" if progress.rows else "…"
    if seen is None or (seen.is_sample and not total):
        return f"reading {printable(source)} {about}"
    if seen.is_sample:
        error = 100 * seen.margin(len(seen.rows) // 2)
        return f"a sample: the first {numbers.count(len(seen.rows))} rows, ±{error:.1f} at most · read {about}"
    percents = seen.lengths.percentiles
    named = [printable(name) for name in sources]
    if len(progress.read) == len(sources):
        named = [f"{name}{as_read(read)}" for name, read in zip(named, progress.read, strict=True)]
    template = "" if seen.text is None or seen.text.kind == "recipe" else f" · {seen.text.kind} template"
    return (
        f"{numbers.counted(len(seen.rows), 'row')}{template} · median {numbers.count(percents[50])}, longest "
        f"{numbers.count(percents[100])} tokens · {', '.join(named)}"
    )


def as_read(read: RowsRead) -> str:
    """What a source was taken for, behind its name."""
    counted = ", weighed" * (read.weights is not None) + ", soft labels" * (read.soft_labels is not None)
    return f" as {read.format}{read.dropped}{counted}" if read.format else ", not read"


class Inspection:
    """`profile` has no problems; `seen` are its rows as far as they are known, None before the first of them.

    `program` is the inspection child, which is given the profile's path; `child` is one that has been started already.
    """

    def __init__(self, profile: ProfileView, program: Sequence[str], child: Process | None) -> None:
        assert profile.settings is not None
        self.profile = profile
        self.settings: Profile = profile.settings
        self.seen: Inspected | None = None
        self._program = program
        self._child = child
        self._origin = profile.path
        self._read_of: list[Stamp | None] = []

    async def read(self) -> AsyncGenerator[Progress]:
        """What a child tells of the file as it is now: it is asked for all rows, and ends with this. Raises OSError."""
        self._read_of = await asyncio.to_thread(self._stamps)
        child, self._child = self._child or await ask(self._program, str(self.profile.path)), None
        async with aclosing(answers(child, Progress)) as told:
            async for progress in told:
                yield progress

    async def end(self) -> None:
        """End the child that was started already, if nothing has been read from it."""
        if self._child:
            await end_child(self._child)

    async def load(self, progress: Progress) -> bool:
        """Whether what the child told is of new rows; these are `seen` from then on. Raises OSError."""
        try:
            seen = await asyncio.to_thread(load, progress, self.settings)
        except FileNotFoundError:
            if progress.whole:
                raise
            return False  # the first rows were put away for the whole file, of which we hear in a moment
        self.seen = seen or self.seen
        return seen is not None

    async def is_changed(self) -> bool:
        """Whether a file of rows is no longer the one that was read."""
        return any(self._read_of) and await asyncio.to_thread(self._stamps) != self._read_of

    async def follow_profile(self) -> bool:
        """Take over the profile from its file; whether it is another one now. It may have problems."""
        profile = await asyncio.to_thread(profiles.read, self._path)
        if profile.text == self.profile.text:
            return False
        self.profile = profile
        self.settings = profile.settings or self.settings
        return True

    async def write(self, values: Sequence[tuple[str, Value]]) -> Written:
        """Set these values in the profile's file; a shipped profile gets a copy of one's own.

        What the file holds then is the profile from now on, unless it has problems. Raises ProfileError and OSError
        where the file stays without them.
        """
        written = await asyncio.to_thread(profiles.set_in_file, self.profile.path, values)
        if written.path != self.profile.path:
            self._origin = self.profile.path
        await self._take_over(written.path)
        return written

    async def take_back(self) -> None:
        """Let the profile be what its file holds since a change of it was taken back, unless that has problems."""
        await self._take_over(self._path)

    async def _take_over(self, path: Path) -> None:
        """Let a file be the profile, unless it has problems. The rows stay the same."""
        profile = await asyncio.to_thread(profiles.read, path)
        if profile.settings and profile.text != self.profile.text:
            self.profile, self.settings = profile, profile.settings
            if self.seen:
                self.seen = await asyncio.to_thread(split_again, self.seen, self.settings)

    @property
    def _path(self) -> Path:
        """Of the profile: a copy of one's own is gone once the change that made it has been taken back."""
        return self.profile.path if self.profile.path.exists() else self._origin

    def _stamps(self) -> list[Stamp | None]:
        """Of the files and folders of rows, as they are now."""
        return [stamp(Path(expanded(source))) for source in self.settings.data.sources]
