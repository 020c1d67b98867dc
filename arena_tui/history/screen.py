"""History: which runs have there been? All of them as a table to sort, filter, name, delete and compare."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import Input, Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import choose
from arena_tui.history.columns import COLUMNS, Column, Row, matching, next_column, sorted_by
from arena_tui.history.housekeeping import Housekeeping, TrashScreen, measured
from arena_tui.history.keys import ABOUT_A_RUN, KEYS
from arena_tui.history.table import RunTable, detail, summary
from arena_tui.plot.axes import FEWEST, MOST
from arena_tui.runs import reasons
from arena_tui.runs.follow import RunList, RunView
from arena_tui.runs.messages import CompareRuns, OpenRun, ReportRun
from arena_tui.runs.settings import Settings, settings_of
from arena_tui.runs.waits import title
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import hint
from core.machine.gpus import look
from core.runs.checkpoints import DiskUse

SECONDS_BETWEEN_READS = 2.0


class HistoryScreen(ConsoleScreen[None]):
    CHANGES = frozenset({"note", "rename", "delete", "trash", "prune", "prune_all"})
    AUTO_FOCUS = ""  # keys are for the table, until the filter is asked for
    BINDINGS: ClassVar[list[BindingType]] = KEYS

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

    def __init__(self, run_list: RunList, runs: tuple[RunView, ...], words: str) -> None:
        """`runs` are known already, and shown at once; of all of them those with these `words`."""
        super().__init__()
        self._words = words
        self.run_list = run_list
        self.set_reactive(HistoryScreen.runs, runs)
        self._housekeeping = Housekeeping(self)
        self._disk: dict[str, DiskUse] = {}
        self._settings: dict[str, Settings] = {}
        self._free = 0

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(title("runs", is_queue_paused=self.run_list.is_queue_paused), id="title")
            yield Static(id="state", markup=False)
        yield Input(self._words, placeholder="words in state, name, profile or note", id="filter")
        yield RunTable("no runs to show", id="table")
        yield Static(id="detail", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self._table = self.query_one(RunTable)
        self._filter = self.query_one("#filter", Input)
        self._title, self._state, self._detail = (self.query_one(f"#{n}", Static) for n in ("title", "state", "detail"))
        self._end_filter()
        self.call_later(self.draw)  # once it is mounted, and before a key that comes at the same time as its own
        self.call_after_refresh(self.read)  # the table first: measuring five hundred folders takes a while

    @work
    async def read(self) -> None:
        """Look at the disk every now and then, while this screen is the one to be seen."""
        while True:
            if self.is_seen:
                await self.read_runs()
                settings = await in_thread(partial(settings_of, [run.folder for run in self.runs], self._settings))
                disk = await in_thread(partial(measured, self.runs, dict(self._disk)))
                free = (await in_thread(partial(look, self.run_list.runs))).disk_free
                if (disk, settings) != (self._disk, self._settings) or abs(free - self._free) > self._free / 100:
                    self._settings = settings
                    self.show_sizes(disk, free)
            await asyncio.sleep(SECONDS_BETWEEN_READS)

    async def read_runs(self) -> None:
        self.runs = await in_thread(self.run_list.read)
        self._title.update(title("runs", is_queue_paused=self.run_list.is_queue_paused))

    @work
    async def on_undone(self) -> None:
        await self.read_runs()

    def show_sizes(self, disk: dict[str, DiskUse], free: int) -> None:
        """`disk` by id of the run; bytes `free` beside them."""
        self._disk, self._free = disk, free
        self.draw()

    @property
    def chosen_run(self) -> RunView | None:
        return self._table.chosen.run if self._table.chosen else None

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action in ABOUT_A_RUN and self.chosen_run is None:
            return "there is no run to choose"
        if action in ("report", "delete") and self.chosen_run:
            return reasons.why_not(action, self.chosen_run)
        return super().why_not(action, parameters)

    @on(Input.Changed)
    def draw(self) -> None:
        """Show what is known now."""
        if not (self.is_mounted and self.display):  # it is being left
            return
        ids = {run.folder.id: run for run in self.runs}
        all_rows = [Row(run, self._disk.get(key), self._settings.get(key, {})) for key, run in ids.items()]
        rows = sorted_by(self._table.sort, matching(self._filter.value, all_rows), is_reversed=self._table.is_reversed)
        self._table.selected = tuple(run_id for run_id in self._table.selected if run_id in ids)
        self._table.show(rows)
        self._state.update(Content(summary(len(rows), all_rows, len(self._table.selected), self._free)), layout=False)
        self._draw_detail()

    watch_runs = draw

    def on_resize(self) -> None:
        self.draw()

    def _draw_detail(self) -> None:
        way = hint(self, "note", "; {} writes one")
        lines = detail(self._table.chosen, way, self.size.width - 2) if self._table.chosen else []
        self._detail.update(Content("\n").join(lines), layout=False)
        self.refresh_bindings()

    def action_move(self, lines: int) -> None:
        self._table.move_to(self._table.cursor + lines)
        self._draw_detail()

    def action_move_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self._table.page))

    def action_sort(self, direction: int) -> None:
        self._sort_by(next_column([*COLUMNS, *self._table.swept], self._table.sort, direction))

    def _sort_by(self, column: Column) -> None:
        self._table.sort, self._table.is_reversed = column, False
        self.draw()

    @work(group=OPENING)
    async def action_choose_sort(self) -> None:
        table = self._table
        by_heading = {one.heading: one for one in (*COLUMNS, table.sort, *table.swept)}  # the filter may end a sweep
        if chosen := await choose(self.app, "sort by", list(by_heading), table.sort.heading):
            self._sort_by(by_heading[chosen])

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
        if run := self.chosen_run:
            self.post_message(ReportRun(run.folder))

    def action_select(self) -> None:
        run, selected = self.chosen_run, self._table.selected
        if run is None:
            return
        if run.folder.id in selected:
            self._table.selected = tuple(other for other in selected if other != run.folder.id)
        elif len(selected) == MOST:
            self._housekeeping.tell(f"At most {MOST} runs can be compared.", "warning")
        else:
            self._table.selected = (*selected, run.folder.id)
        self.draw()
        self.action_move(1)

    def action_compare(self) -> None:
        by_id = {run.folder.id: run for run in self.runs}
        runs = [by_id[run_id] for run_id in self._table.selected if run_id in by_id]
        too_few = "Select two runs or more" + hint(self, "select", ": {} on each").plain if len(runs) < FEWEST else ""
        if why := too_few or reasons.why_not_compared(runs):
            self._housekeeping.tell(why, "warning")
        else:
            self.post_message(CompareRuns([run.folder for run in runs]))

    @work(group=OPENING)
    async def action_note(self) -> None:
        await self._keep_house(self._housekeeping.note)

    @work(group=OPENING)
    async def action_rename(self) -> None:
        await self._keep_house(self._housekeeping.rename)

    @work(group=OPENING)
    async def action_delete(self) -> None:
        await self._keep_house(self._housekeeping.delete)

    async def _keep_house(self, do: Callable[[RunView], Awaitable[None]]) -> None:
        if run := self.chosen_run:
            await do(run)
            await self.read_runs()

    def action_trash(self) -> None:
        self.app.push_screen(TrashScreen(self.run_list.runs))

    @work(group=OPENING)
    async def action_prune(self) -> None:
        if run := self.chosen_run:
            await self._prune([run])

    @work(group=OPENING)
    async def action_prune_all(self) -> None:
        await self._prune(self.runs)

    async def _prune(self, runs: Sequence[RunView]) -> None:
        for folder in await self._housekeeping.prune(runs):
            self._disk.pop(folder.id, None)
        await self.read_runs()
