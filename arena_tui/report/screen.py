"""Report: where is it won and lost? What a finished run's evaluation says, made by a child, and its rows in full."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import ClassVar

import numpy as np
from rich.cells import cell_len
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from arena_tui.children.child import answers, ask, in_thread
from arena_tui.dialogs.ask import ChooseScreen, choose, run_line
from arena_tui.format import numbers
from arena_tui.format.sanitize import place, printable
from arena_tui.format.width import abridged
from arena_tui.report.html.document import as_html
from arena_tui.report.keys import ABOUT_REPORT, KEYS
from arena_tui.report.panes import ReportPanes
from arena_tui.report.rows import fills, predicted
from arena_tui.report.view import SeenReport, can_be_shown, load_report
from arena_tui.rows.reader import RowScreen
from arena_tui.runs.messages import TryRun
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.widgets.pane import ProblemText
from core.files import in_words
from core.profile.errors import ProfileError
from core.report.protocol import REPORT, Progress
from core.runs.access import write_whole
from core.runs.folder import RunFolder, list_runs

ROWS_OF_PAGE = 10
"""Rows of each list that a page written from here shows in full."""


class ReportScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"write", "try_out"})
    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = KEYS

    DEFAULT_CSS = """
    ReportScreen {
        #top { height: 1; padding: 0 1; background: $panel; }
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; text-wrap: nowrap; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        #cautions { height: auto; max-height: 3; padding: 0 1; color: $text-warning; display: none; }
        &.-cautioned #cautions { display: block; }
        &.-failed ReportPanes, &.-failed #cautions { display: none; }
    }
    """

    progress: var[Progress] = var(Progress())
    problem: var[str] = var("")

    def __init__(self, folder: RunFolder, program: Sequence[str] = REPORT) -> None:
        super().__init__()
        self.folder = folder
        self.seen: SeenReport | None = None
        self._program = program
        self._against: RunFolder | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(id="title", markup=False)
            yield Static(id="state", markup=False)
        yield Static(id="cautions", markup=False)
        yield ProblemText()
        yield ReportPanes()
        yield Footer()

    @property
    def in_front(self) -> Widget:
        return self._panes.query_one(f"#{self._panes.current}")

    def on_mount(self) -> None:
        self.call_after_refresh(self.action_read)  # an answer may come at once, and needs a place to stand

    def action_read(self) -> None:
        self.read(self._against)

    @work(exclusive=True, group="read")
    async def read(self, against: RunFolder | None) -> None:
        """Ask the child for the report, which ends with the screen, and show it.

        If it cannot be compared with the run that was chosen, the report that is shown stays.
        """
        self.problem, self.progress, seen = "", Progress(doing="starting"), None
        try:
            last = await self._made(against)
            problem = last.problem or "The report's process ended without a result."
            if last.report is not None:
                seen = await asyncio.to_thread(load_report, last, self.folder)
        except (OSError, ProfileError) as error:
            problem = in_words(error)
        if not self.display:  # it is being left
            return
        if seen:
            self.seen, self._against = seen, against
            self._show(seen)
        elif self.seen and against != self._against:
            self.progress = Progress()
            self.notify(printable(problem), severity="error", markup=False)
        else:
            self.problem = problem

    async def _made(self, against: RunFolder | None) -> Progress:
        """The child's last word."""
        arguments = [str(self.folder.path), *(["--against", str(against.path)] if against else [])]
        async with aclosing(answers(await ask(self._program, *arguments), Progress)) as told:
            async for progress in told:
                self.progress = progress
        return self.progress

    def _show(self, seen: SeenReport) -> None:
        report = seen.report
        self.query_one(ReportPanes).show(report, reads_apart=seen.profile.reads_apart)
        self.set_class(bool(report.cautions), "-cautioned")
        cautions = "\n".join(f"! {printable(caution)}" for caution in report.cautions)
        self.query_one("#cautions", Static).update(Content(cautions))
        self.watch_progress()
        self.refresh_bindings()

    def watch_progress(self) -> None:
        if not (self.is_mounted and self.display):
            return
        doing = printable(self.progress.doing)
        told = doing or (numbers.counted(self.seen.report.rows, "evaluation row") if self.seen else "")
        other = printable(self._against.id) if self._against and not doing else ""
        width = self.size.width - 4  # beside the padding and the gap between both
        title, state = f"report · {printable(self.folder.id)}", f"{told} · against " if other else told
        if other and cell_len(title + state + other) > width:
            state = "against "
        state += abridged(other, max(width // 2, width - cell_len(title)) - cell_len(state))
        self.query_one("#title", Static).update(abridged(title, width - cell_len(state)))
        self.query_one("#state", Static).update(state, layout=False)

    def on_resize(self) -> None:
        self.watch_progress()

    def watch_problem(self, problem: str) -> None:
        self.set_class(bool(problem), "-failed")
        if self.is_mounted and self.display:
            ways_out = (("read", "{} tries again, "), ("app.pop_screen", "{} goes back"))
            self.query_one(ProblemText).show(problem, ways_out)
            self.refresh_bindings()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action in ABOUT_REPORT and self.seen is None:
            return "there is no report to show" if self.problem else "the report is being made"
        if action == "pane_at" and (name := self._panes.always_seen(*parameters)):
            return f"{name} is already shown"
        return super().why_not(action, parameters)

    def action_pane(self, direction: int) -> None:
        self._panes.turn(direction)

    def action_pane_at(self, index: int) -> None:
        self._panes.choose(ReportPanes.PANES[index])

    def action_other(self, direction: int) -> None:
        self._panes.to_rows().move(direction)

    def action_list(self, direction: int) -> None:
        is_seen = self._panes.current == "rows"
        self._panes.to_rows().turn(direction if is_seen else 0)

    @work(group=OPENING)
    async def action_choose_list(self) -> None:
        rows = self._panes.to_rows()
        if chosen := await choose(self.app, "which rows?", rows.titles, rows.title):
            rows.turn(rows.titles.index(chosen) - rows.titles.index(rows.title))

    def action_down(self, lines: int) -> None:
        self._panes.move(lines)

    def action_page(self, direction: int) -> None:
        self._panes.move(direction * self._panes.page)

    @work(group=OPENING)
    async def action_open(self) -> None:
        """Show the chosen row, and be on the one that was seen last afterwards."""
        if self._panes.current != "rows":
            self._panes.to_rows()
            return
        rows, seen = self._panes.to_rows(), self.seen
        chosen = rows.chosen
        if seen is None or chosen is None:
            return
        if seen.rows is None or chosen.number is None:
            self.notify("The text of this row is not known: the line above says why.", severity="warning")
            return
        listed = can_be_shown(rows.listed)
        numbers = np.array([row.number for row in listed], dtype=np.intp)
        screen = RowScreen(
            seen.rows,
            seen.profile.tokens,
            numbers,
            listed.index(chosen),
            beside=lambda place: predicted(listed[place], fills(self)),
        )
        last = await self.app.push_screen_wait(screen)
        rows.move_to(listed[last])

    @work(group=OPENING)
    async def action_against(self) -> None:
        """Choose a run to compare with, and make the report anew."""
        every = await in_thread(partial(list_runs, self.folder.path.parent))
        others = [run for run in every if run.evaluation.is_file() and run.path != self.folder.path]
        if not others:
            self.notify("There is no other run with evaluated rows here.")
            return
        by_id = {run.id: run for run in others}
        choices = [(run.id, partial(run_line, run)) for run in others]
        if chosen := await self.app.push_screen_wait(ChooseScreen("compare row by row with", choices)):
            self.read(by_id[chosen])

    def action_try_out(self) -> None:
        self.post_message(TryRun(self.folder))

    @work(exclusive=True, group="write")
    async def action_write(self) -> None:
        """Write the page into the run's folder."""
        if self.seen is None:
            return
        file = self.folder.path / "report.html"
        try:
            page = await asyncio.to_thread(as_html, self.seen, ROWS_OF_PAGE)
            await asyncio.to_thread(write_whole, file, page.encode())
        except OSError as error:
            self.notify(printable(f"the page was not written: {in_words(error)}"), severity="error", markup=False)
            return
        self.notify(f"wrote {place(file)}", markup=False)

    @property
    def _panes(self) -> ReportPanes:
        return self.query_one(ReportPanes)
