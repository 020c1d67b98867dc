"""History: which runs have there been? All of them as a table to sort, filter, name, delete and compare."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import Footer, Input, Static

from arena_tui.children.child import in_thread
from arena_tui.history.columns import COLUMNS, Row, matching, sorted_by
from arena_tui.history.housekeeping import Housekeeping, TrashScreen, measured
from arena_tui.history.table import RunTable, detail, summary
from arena_tui.plot.axes import FEWEST, MOST
from arena_tui.runs.follow import RunList, RunView
from arena_tui.runs.messages import CompareRuns, OpenRun, ReportRun
from arena_tui.runs.waits import title
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.keymap import hint, named
from core.machine.gpus import look
from core.runs.checkpoints import DiskUse

SECONDS_BETWEEN_READS = 2.0


class HistoryScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"note", "rename", "delete", "trash", "prune", "prune_all"})
    AUTO_FOCUS = ""  # keys are for the table, until the filter is asked for
    BINDINGS: ClassVar[list[BindingType]] = named(
        "runs",
        Binding("enter", "open", "Open", tooltip="Open the chosen run"),
        Binding("space", "select", "Select", tooltip="Select this run for a comparison, and back"),
        Binding("c", "compare", "Compare", tooltip="Compare the selected runs, two to six"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Only runs with these words; esc shows all"),
        Binding("right,l", "sort(1)", "Sort", key_display="←→", tooltip="Sort by the next column, or the one before"),
        Binding("left,h", "sort(-1)", "Sort before", show=False, tooltip="Sort by the next column, or the one before"),
        Binding("o", "reverse", "Order", show=False, tooltip="The other way round"),
        Binding("d", "delete", "Delete", tooltip="Move this run to the trash, after a question"),
        Binding("v", "report", "Report", show=False, tooltip="Where this run, once finished, is won and lost"),
        Binding("n", "note", "Note", show=False, tooltip="Write a note beside this run"),
        Binding("r", "rename", "Rename", show=False, tooltip="Give this run another name to show; its folder stays"),
        Binding("t", "trash", "Trash", show=False, tooltip="Deleted runs: put one back, or delete all for good"),
        Binding("p", "prune", "Prune", show=False, tooltip="Delete all checkpoints of this run but the newest intact"),
        Binding("P", "prune_all", "Prune all", show=False, tooltip="Do so in every run that has ended"),
        Binding("down,j", "move(1)", "Down", show=False, tooltip="Down and up in the list"),
        Binding("up,k", "move(-1)", "Up", show=False, tooltip="Down and up in the list"),
        Binding("pagedown", "move_page(1)", "Page down", show=False, tooltip="Down and up by pages"),
        Binding("pageup", "move_page(-1)", "Page up", show=False, tooltip="Down and up by pages"),
        Binding("home", "move_page(-9999)", "First", show=False, tooltip="To the first run, to the last"),
        Binding("end", "move_page(9999)", "Last", show=False, tooltip="To the first run, to the last"),
        Binding("escape", "leave", "Back", key_display="esc", tooltip="Show all runs again; back to the home screen"),
    )

    DEFAULT_CSS = """
    HistoryScreen {
        #top { height: 1; padding: 0 1; background: $panel; }
        #title { width: auto; margin-right: 2; color: $accent; text-style: bold; }
        #state { width: 1fr; text-align: right; color: $foreground 60%; text-wrap: nowrap; text-overflow: ellipsis; }
        #filter { display: none; border: none; height: 1; padding: 0 1; background: $panel; }
        &.-filtered #filter { display: block; }
        #detail { height: 4; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    runs: var[tuple[RunView, ...]] = var(())

    def __init__(self, run_list: RunList, runs: tuple[RunView, ...]) -> None:
        """`runs` are known already, and shown at once."""
        super().__init__()
        self.run_list = run_list
        self._housekeeping = Housekeeping(self)
        self._known = runs
        self._disk: dict[str, DiskUse] = {}
        self._free = 0

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(title("runs", is_queue_paused=self.run_list.is_queue_paused), id="title")
            yield Static(id="state", markup=False)
        yield Input(placeholder="words in state, name, profile or note", id="filter")
        yield RunTable("none to show", id="table")
        yield Static(id="detail", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._table = self.query_one(RunTable)
        self._filter = self.query_one("#filter", Input)
        named = ("#title", "#state", "#detail")
        self._title, self._state, self._detail = (self.query_one(name, Static) for name in named)
        self._filter.can_focus = False
        self.runs = self._known
        self.call_after_refresh(self.read)  # the table first: measuring five hundred folders takes a while

    @work
    async def read(self) -> None:
        """Look at the disk every now and then, while this screen is the one to be seen."""
        while True:
            if self.is_current:
                await self.read_runs()
                disk = await in_thread(partial(measured, self.runs, dict(self._disk)))
                free = (await in_thread(partial(look, self.run_list.runs))).disk_free
                if disk != self._disk or abs(free - self._free) > self._free / 100:
                    self.show_sizes(disk, free)
            await asyncio.sleep(SECONDS_BETWEEN_READS)

    async def read_runs(self) -> None:
        self.runs = await in_thread(self.run_list.read)
        self._title.update(title("runs", is_queue_paused=self.run_list.is_queue_paused))

    def show_sizes(self, disk: dict[str, DiskUse], free: int) -> None:
        """`disk` by id of the run; bytes `free` beside them."""
        self._disk, self._free = disk, free
        self.draw()

    @property
    def is_measured(self) -> bool:
        return bool(self._disk)

    @property
    def chosen_run(self) -> RunView | None:
        return self._table.chosen.run if self._table.chosen else None

    def watch_runs(self) -> None:
        self.draw()

    @on(Input.Changed)
    def draw(self) -> None:
        """Show what is known now."""
        if not (self.is_mounted and self.display):  # it is being left
            return
        table = self._table
        all_rows = [Row(run, self._disk.get(run.folder.id)) for run in self.runs]
        rows = sorted_by(table.sort, matching(self._filter.value, all_rows), is_reversed=table.is_reversed)
        ids = {run.folder.id for run in self.runs}
        table.selected = tuple(run_id for run_id in table.selected if run_id in ids)
        table.show(rows)
        self._state.update(Content(summary(len(rows), all_rows, len(table.selected), self._free)), layout=False)
        self._draw_detail()

    def _draw_detail(self) -> None:
        row = self._table.chosen
        lines = [Content("")] if row is None else detail(row, hint(self, "note", "; {} writes one"))
        self._detail.update(Content("\n").join(lines), layout=False)

    def action_move(self, lines: int) -> None:
        self._table.move_to(self._table.cursor + lines)
        self._draw_detail()

    def action_move_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self._table.page))

    def action_sort(self, direction: int) -> None:
        table = self._table
        table.sort = COLUMNS[(COLUMNS.index(table.sort) + direction) % len(COLUMNS)]
        table.is_reversed = False
        self.draw()

    def action_reverse(self) -> None:
        self._table.is_reversed = not self._table.is_reversed
        self.draw()

    def action_filter(self) -> None:
        self.add_class("-filtered")
        self._filter.can_focus = True
        self._filter.focus()

    @on(Input.Submitted)
    def _end_filter(self) -> None:
        self._filter.can_focus = False
        self.set_focus(None)
        self.set_class(bool(self._filter.value), "-filtered")

    def action_leave(self) -> None:
        if self.has_class("-filtered"):
            self._filter.value = ""
            self._end_filter()
        else:
            self.dismiss()

    def action_open(self) -> None:
        if run := self.chosen_run:
            self.post_message(OpenRun(run.folder))

    def action_report(self) -> None:
        if (run := self.chosen_run) and run.has_report:
            self.post_message(ReportRun(run.folder))
        elif run:
            self._housekeeping.tell("This run has not finished: there is no evaluation to report on.", "warning")

    def action_select(self) -> None:
        run, selected = self.chosen_run, self._table.selected
        if run is None:
            return
        run_id = run.folder.id
        if run_id in selected:
            self._table.selected = tuple(other for other in selected if other != run_id)
        elif len(selected) == MOST:
            self._housekeeping.tell(f"At most {MOST} runs can be compared.", "warning")
        else:
            self._table.selected = (*selected, run_id)
        self.draw()
        self.action_move(1)

    def action_compare(self) -> None:
        by_id = {run.folder.id: run.folder for run in self.runs}
        folders = [by_id[run_id] for run_id in self._table.selected if run_id in by_id]
        if len(folders) < FEWEST:
            self._housekeeping.tell("Select two runs or more" + hint(self, "select", ": {} on each").plain, "warning")
        else:
            self.post_message(CompareRuns(folders))

    @work
    async def action_note(self) -> None:
        await self._keep_house(self._housekeeping.note)

    @work
    async def action_rename(self) -> None:
        await self._keep_house(self._housekeeping.rename)

    @work
    async def action_delete(self) -> None:
        await self._keep_house(self._housekeeping.delete)

    async def _keep_house(self, do: Callable[[RunView], Awaitable[None]]) -> None:
        if run := self.chosen_run:
            await do(run)
            await self.read_runs()

    def action_trash(self) -> None:
        self.app.push_screen(TrashScreen(self.run_list.runs))

    @work
    async def action_prune(self) -> None:
        if run := self.chosen_run:
            await self._prune([run])

    @work
    async def action_prune_all(self) -> None:
        await self._prune(self.runs)

    async def _prune(self, runs: Sequence[RunView]) -> None:
        for folder in await self._housekeeping.prune(runs):
            self._disk.pop(folder.id, None)
        await self.read_runs()
