"""Data: what will the model be shown? What a profile's limit and strategy leave of its rows, and what others would."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Footer

from arena_tui.dataset.panes import DataPanes
from arena_tui.dataset.reading import Inspection, InspectionLine, WaitingText, how_far
from arena_tui.dataset.row_pane import RowPane
from arena_tui.dataset.what_if import WhatIf
from arena_tui.format.sanitize import place, printable
from arena_tui.rows.reader import RowScreen
from arena_tui.runs.messages import EditProfile
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.keymap import hint, named
from arena_tui.screen.profiles import ProfileView
from arena_tui.widgets.pane import ProblemText
from core.inspect.protocol import INSPECT, Progress
from core.plan.protocol import PLAN
from core.profile.edit import Value
from core.profile.errors import ProfileError, SettingError

SECONDS_BETWEEN_LOOKS = 2.0
LIMIT_KEYS = Binding.Group("Limit", compact=True)
NEAR = "Move the limit by 64 tokens"
FAR = "Move the limit by 512 tokens"
STRATEGY = "Another way to cut long rows, or the one before"
FILTER = "List other rows: over the limit, B gone, ties, and so on"


class DataScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"edit", "split", "write"})
    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = named(
        "data",
        Binding("r", "read", "Read again", show=False, tooltip="Read the rows again, from the file as it is now"),
        Binding("e", "edit", "Edit", show=False, tooltip="Edit the profile"),
        Binding("p", "split", "Split", show=False, tooltip='Write split.by = "prompt", so that no prompt leaks'),
        Binding("left", "move(-1)", "64 lower", key_display="←", group=LIMIT_KEYS, tooltip=NEAR),
        Binding("right", "move(1)", "64 higher", key_display="→", group=LIMIT_KEYS, tooltip=NEAR),
        Binding("less_than_sign,shift+left", "move(-8)", "512 lower", key_display="<", group=LIMIT_KEYS, tooltip=FAR),
        Binding(
            "greater_than_sign,shift+right", "move(8)", "512 higher", key_display=">", group=LIMIT_KEYS, tooltip=FAR
        ),
        Binding("t", "strategy(1)", "Strategy", tooltip=STRATEGY),
        Binding("T", "strategy(-1)", "Strategy before", show=False, tooltip=STRATEGY),
        Binding("o", "own", "Own", show=False, tooltip="Back to the profile's own limit and strategy"),
        Binding("w", "write", "Write", tooltip="Write the chosen limit and strategy into the profile"),
        Binding("tab", "pane(1)", "Pane", key_display="tab", tooltip="The next pane, or the one before"),
        Binding("shift+tab", "pane(-1)", "Pane before", show=False, tooltip="The next pane, or the one before"),
        Binding("f", "filter(1)", "Filter", tooltip=FILTER),
        Binding("F", "filter(-1)", "Filter before", show=False, tooltip=FILTER),
        Binding("s", "sort", "Sort", show=False, tooltip="Rows as in the file, by length, or by tokens lost"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Rows that hold a text, or have an id"),
        Binding("enter", "open", "Row", tooltip="The chosen row in full, with its cut"),
        Binding("down,j", "down(1)", "Down", show=False, tooltip="Down and up in this pane"),
        Binding("up,k", "down(-1)", "Up", show=False, tooltip="Down and up in this pane"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="A page down or up in this pane"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="A page down or up in this pane"),
        Binding("home", "down(-1_000_000_000)", "First", show=False, tooltip="To the first row, or the last"),
        Binding("end", "down(1_000_000_000)", "Last", show=False, tooltip="To the first row, or the last"),
        Binding("escape", "back", "Back", key_display="esc", tooltip="End the search, or leave the data"),
    )

    DEFAULT_CSS = """
    DataScreen.-failed WhatIf, DataScreen.-failed DataPanes { display: none; }
    """

    progress: var[Progress] = var(Progress())
    problem: var[str] = var("")
    is_changed: var[bool] = var(False)
    """Whether the file of rows is no longer the one that was read."""

    def __init__(
        self,
        profile: ProfileView,
        runs: Path,
        program: Sequence[str] = INSPECT,
        plan_program: Sequence[str] = PLAN,
        child: Process | None = None,
    ) -> None:
        """`profile` is one without problems; `child` reads its rows already."""
        super().__init__()
        self.inspection = Inspection(profile, program, child)
        self.what_if = WhatIf(self.inspection, runs, plan_program)
        self._panes = DataPanes()

    def compose(self) -> ComposeResult:
        yield from (InspectionLine(), WaitingText(), ProblemText(), self.what_if, self._panes)
        yield Footer(compact=True, show_command_palette=False)

    @property
    def in_front(self) -> Widget:
        return self._panes.query_one(f"#{self._panes.current}")

    def on_mount(self) -> None:
        self._show_state()
        self.call_after_refresh(self.action_read)  # an answer may come at once, and needs a place to stand
        self.look()

    async def on_unmount(self) -> None:
        await self.inspection.end()

    @work(exclusive=True, group="read")
    async def action_read(self) -> None:
        """Read all rows, and show the first ones meanwhile. The child ends with the screen."""
        self.problem, self.is_changed, self.progress = "", False, Progress()
        try:
            async with aclosing(self.inspection.read()) as told:
                async for progress in told:
                    self.progress = progress
                    if await self.inspection.load(progress) and self.display:  # else it is being left
                        self._show_rows()
        except OSError as error:
            self.problem = f"the rows cannot be read: {error}"
        ended_early = "" if self.progress.whole else "The inspection ended before all rows were read."
        self.problem = self.progress.problem or self.problem or ended_early

    @work
    async def look(self) -> None:
        """Notice when the file of rows is changed."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            self.is_changed = await self.inspection.is_changed()

    @work
    async def on_screen_resume(self) -> None:
        """Read again after the profile was edited."""
        if await self.inspection.follow_profile():
            if problems := self.inspection.profile.problems:
                self.problem = "\n".join(map(str, problems))
            else:
                self.action_read()

    def watch_problem(self, problem: str) -> None:
        self.set_class(bool(problem), "-failed")
        if self.is_mounted and self.display:
            ways_out = (("edit", "{} edits the profile, "), ("read", "{} reads again, "), ("back", "{} goes back"))
            self.query_one(ProblemText).show(problem, ways_out)

    def _show_rows(self) -> None:
        try:
            self.what_if.show_rows()
        except SettingError as error:
            self.problem = str(error)
        else:
            self._show_state()

    def on_what_if_chosen(self, message: WhatIf.Chosen) -> None:
        """The tables follow."""
        if self.inspection.seen:
            self._panes.show(self.inspection.seen, self.inspection.settings, message.outlook)

    def _show_state(self) -> None:
        if not (self.is_mounted and self.display):  # it is not there yet, or is being left
            return
        self.query_one(WaitingText).show(self.progress.doing)
        read = how_far(self.progress, self.inspection.seen, self.inspection.settings.data.train)
        changed = "! the file was changed" + hint(self, "read", "; {} reads it again").plain
        state = changed if self.is_changed else read
        self.query_one(InspectionLine).show(self.inspection.profile.name, state, is_warning=self.is_changed)

    watch_progress = watch_is_changed = _show_state

    def action_edit(self) -> None:
        self.post_message(EditProfile(self.inspection.profile))

    def action_move(self, steps: int) -> None:
        self.what_if.move(steps)

    def action_strategy(self, direction: int) -> None:
        self.what_if.turn_strategy(direction)

    def action_own(self) -> None:
        self.what_if.back_to_own()

    @work(exclusive=True, group="write")
    async def action_split(self) -> None:
        if self.inspection.settings.split.by == "prompt":
            self.notify("The profile is split by prompt already.")
        else:
            await self._write([("split.by", "prompt")])

    @work(exclusive=True, group="write")
    async def action_write(self) -> None:
        if changes := self.what_if.changes():
            await self._write(changes)
        else:
            self.notify("The profile has this limit and strategy already.")

    async def _write(self, values: Sequence[tuple[str, Value]]) -> None:
        try:
            profile = await self.inspection.write(values)
        except (OSError, ProfileError) as error:
            self.notify(printable(f"not written: {error}"), severity="error", markup=False)
            return
        if profile.problems:
            way_out = hint(self, "edit", "; {} edits it").plain
            self.notify(f"{place(profile.path)} has problems{way_out}", severity="error", markup=False)
            return
        if self.inspection.seen:
            self._show_rows()
        self.notify(f"written: {place(profile.path)}", markup=False)

    def action_filter(self, direction: int) -> None:
        self._panes.to_rows().turn_filter(direction)

    def action_sort(self) -> None:
        self._panes.to_rows().turn_order()

    def action_search(self) -> None:
        self._panes.to_rows().open_search()

    @work(exclusive=True, group="open")
    async def action_open(self) -> None:
        table, seen = self._panes.to_rows().table, self.inspection.seen
        if seen is None or table.chosen is None or self.problem:
            return
        if seen.is_sample:
            self.notify("A row can be opened once all rows have been read.")
            return
        last = await self.app.push_screen_wait(RowScreen(seen, self.what_if.tokens, table.numbers, table.cursor))
        table.move_to(last)

    def action_down(self, lines: int) -> None:
        self._panes.move(lines)

    def action_page(self, direction: int) -> None:
        self._panes.move(direction * self._panes.page)

    def action_pane(self, direction: int) -> None:
        self._panes.turn(direction)

    def action_back(self) -> None:
        if not self.query_one(RowPane).end_search():
            self.dismiss()
