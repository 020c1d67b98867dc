"""The deleted runs of a folder: one can be put back, or all deleted for good."""

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from arena_tui import figures
from arena_tui.plain import printable
from arena_tui.screens.ask import AskScreen
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.keys import keys
from arena_tui.widgets.menu import Menu
from core.runs.disk import size
from core.runs.folder import RunFolder
from core.runs.trash import delete_for_good, put_back, trashed


class TrashScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "empty", "Empty", tooltip="Delete all of these for good"),
        Binding("escape,q", "dismiss", "Back", key_display="esc"),
    ]

    DEFAULT_CSS = """
    TrashScreen {
        & > .box { height: 80%; }
        & Menu, & Menu:focus { border: none; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self._runs = runs
        self._sizes: dict[RunFolder, int] = {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("deleted runs")
            yield Menu("none", id="trash")
            yield Static(classes="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one(Menu).focus()
        self.read()

    @work(exclusive=True)
    async def read(self) -> None:
        self._sizes = await asyncio.to_thread(lambda: {run: size(run.path) for run in trashed(self._runs)})
        self.query_one(Menu).show([(run.id, partial(_line, run, taken)) for run, taken in self._sizes.items()])
        self.query_one(".box").border_subtitle = Content(figures.gib(sum(self._sizes.values())))
        answers = [("enter", "put back"), ("E", "empty")] if self._sizes else []
        self.query_one(".keys", Static).update(keys([*answers, ("esc", "back")]))

    @on(OptionList.OptionSelected)
    @work
    async def put_back(self, event: OptionList.OptionSelected) -> None:
        for run in self._sizes:
            if run.id == event.option_id:
                try:
                    await asyncio.to_thread(put_back, run)
                except OSError as error:
                    self._tell(f"not put back: {error}")
        self.read()

    @work
    async def action_empty(self) -> None:
        if not self._sizes:
            return
        n, taken = len(self._sizes), figures.gib(sum(self._sizes.values()))
        text = f"{n} deleted run{'s' if n > 1 else ''} of {taken}: nothing brings them back."
        if await self.app.push_screen_wait(AskScreen("delete for good?", text, [("y", "delete for good")])) == "y":
            for run in self._sizes:
                try:
                    await asyncio.to_thread(delete_for_good, run)
                except OSError as error:
                    self._tell(f"not deleted: {error}")
            self.read()

    def _tell(self, text: str) -> None:
        self.notify(printable(text), severity="error", markup=False)


def _line(run: RunFolder, taken: int, width: int) -> Content:
    end = f" {figures.gib(taken):>9}"
    return Content.assemble(Content(printable(run.id)).truncate(width - len(end), ellipsis=True, pad=True), end)
