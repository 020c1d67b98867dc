"""Data: what will the model be shown? What a profile's limit and strategy leave of its rows, and what others would."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.reactive import var
from textual.widget import Widget

from arena_tui.dataset.keys import ABOUT_ROWS, KEYS
from arena_tui.dataset.panes import DataPanes
from arena_tui.dataset.reading import Inspection, InspectionLine, WaitingText, how_far
from arena_tui.dataset.row_pane import RowPane
from arena_tui.dataset.text import mend
from arena_tui.dataset.what_if import WhatIf
from arena_tui.format.sanitize import place, printable
from arena_tui.rows.reader import RowScreen
from arena_tui.runs.messages import EditProfile
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import hint
from arena_tui.screen.profiles import ProfileView
from arena_tui.screen.undo import Changed
from arena_tui.widgets.pane import ProblemText
from core.files import in_words
from core.inspect.protocol import INSPECT, Progress
from core.plan.protocol import PLAN
from core.profile.edit import Value
from core.profile.errors import ProfileError, SettingError

SECONDS_BETWEEN_LOOKS = 2.0


class DataScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"edit", "split", "write"})
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    DEFAULT_CSS = "DataScreen.-failed WhatIf, DataScreen.-failed DataPanes { display: none; }"

    progress: var[Progress] = var(Progress())
    problem: var[str] = var("")
    is_changed: var[bool] = var(False)

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
        yield from (InspectionLine(), WaitingText(), ProblemText(), self.what_if, self._panes, Footer())

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
            self.problem = f"the rows cannot be read: {in_words(error)}"
        ended_early = "" if self.progress.whole else "The inspection ended before all rows were read."
        self.problem = self.progress.problem or self.problem or ended_early

    @work
    async def look(self) -> None:
        """Notice when the file of rows is changed, while this screen is the one to be seen."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if self.is_seen:
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
            self.refresh_bindings()

    def _show_rows(self) -> None:
        try:
            self.what_if.show_rows()
            self._show_state()
        except SettingError as error:
            self.problem = str(error)

    def on_what_if_chosen(self, message: WhatIf.Chosen) -> None:
        """The tables follow."""
        if self.inspection.seen:
            self._panes.show(self.inspection.seen, self.inspection.settings, message.outlook)

    def _show_state(self) -> None:
        if not (self.is_mounted and self.display):  # it is not there yet, or is being left
            return
        self.query_one(WaitingText).show(self.progress.doing)
        read = how_far(self.progress, self.inspection.seen, self.inspection.settings.data.sources)
        changed = "! the file has changed" + hint(self, "read", "; {} reads it again").plain
        state = changed if self.is_changed else read
        self.refresh_bindings()
        self.query_one(InspectionLine).show(self.inspection.profile.name, state, is_warning=self.is_changed)

    watch_progress = watch_is_changed = _show_state

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action in ABOUT_ROWS and self.problem:
            return "there are no rows to show"
        if action in ABOUT_ROWS and self.inspection.seen is None:
            return "the rows are being read"
        if action in ("open", "search") and self.inspection.seen and self.inspection.seen.is_sample:
            what = "a row can be opened" if action == "open" else "rows can be searched"
            return f"{what} once all rows have been read"
        if action == "pane_at" and (name := self._panes.always_seen(*parameters)):
            return f"the {name} are already shown"
        return super().why_not(action, parameters)

    def action_edit(self) -> None:
        self.post_message(EditProfile(self.inspection.profile))

    def action_move(self, steps: int) -> None:
        self.what_if.move(steps)

    def action_strategy(self, direction: int) -> None:
        self.what_if.turn_strategy(direction)

    @work(group=OPENING)
    async def action_choose_strategy(self) -> None:
        await self.what_if.choose_strategy()

    @work(group=OPENING)
    async def action_choose_filter(self) -> None:
        await self._panes.to_rows().choose_filter()

    @work(group=OPENING)
    async def action_choose_order(self) -> None:
        await self._panes.to_rows().choose_order()

    def action_own(self) -> None:
        self.what_if.back_to_own()

    @work(exclusive=True, group="write")
    async def action_split(self) -> None:
        if mended := mend(self.inspection.settings):
            await self._write([mended])
        elif self.inspection.settings.evaluates:
            self.notify("The profile already keeps each prompt on one side.")
        else:
            self.notify("Nothing is evaluated: no prompt can leak.")

    @work(exclusive=True, group="write")
    async def action_write(self) -> None:
        if changes := self.what_if.changes():
            await self._write(changes)
        else:
            self.notify("The profile already has this limit and strategy.")

    async def _write(self, values: Sequence[tuple[str, Value]]) -> None:
        try:
            written = await self.inspection.write(values)
        except (OSError, ProfileError) as error:
            self.notify(printable(f"not written: {in_words(error)}"), severity="error", markup=False)
            return
        self.app.post_message(Changed(f"{place(written.path)} is restored", written.take_back))
        if self.inspection.profile.text != written.after:
            way_out = hint(self, "edit", "; {} edits it").plain
            self.notify(f"{place(written.path)} has problems{way_out}", severity="error", markup=False)
            return
        if self.inspection.seen:
            self._show_rows()
        way_back = hint(self, "undo", "; {} undoes it").plain
        self.notify(f"written: {place(written.path)}{way_back}", markup=False)

    @work(exclusive=True, group="write")
    async def on_undone(self) -> None:
        await self.inspection.take_back()
        self._show_rows()

    def action_filter(self, direction: int) -> None:
        self._panes.to_rows().turn_filter(direction)

    def action_sort(self) -> None:
        self._panes.to_rows().turn_order()

    def action_search(self) -> None:
        self._panes.to_rows().open_search()

    @work(group=OPENING)
    async def action_open(self) -> None:
        table, seen = self._panes.to_rows().table, self.inspection.seen
        if seen is None or table.chosen is None:
            return
        last = await self.app.push_screen_wait(RowScreen(seen, self.what_if.tokens, table.numbers, table.cursor))
        table.move_to(last)

    def action_down(self, lines: int) -> None:
        self._panes.move(lines)

    def action_page(self, direction: int) -> None:
        self._panes.move(direction * self._panes.page)

    def action_pane(self, direction: int) -> None:
        self._panes.turn(direction)

    def action_pane_at(self, index: int) -> None:
        self._panes.choose(DataPanes.PANES[index])

    def action_other(self, direction: int) -> None:
        table = self._panes.to_rows().table
        table.move_to(table.cursor + direction)

    def action_back(self) -> None:
        if not self.query_one(RowPane).end_search():
            self.dismiss()
