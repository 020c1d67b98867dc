"""Predictions: which have there been? All of the runs folder, to open, stop and delete."""

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import AskScreen
from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import place, printable
from arena_tui.predict.listing import Prediction, PredictionList, heading, line
from arena_tui.predict.screen import ask_to_stop
from arena_tui.runs.consequences import what_is_deleted
from arena_tui.runs.messages import OpenRun
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import named
from arena_tui.widgets.menu import Menu
from core.files import in_words
from core.runs import events
from core.runs.checkpoints import disk_use
from core.runs.trash import StillInUse, discard

SECONDS_BETWEEN_READS = 2.0
MARGIN = 5
"""Cells of a menu beside its lines: the border, the padding, and the scroll bar."""


class PredictionsScreen(ConsoleScreen[None]):
    HELP = (
        "All predictions with the runs in the runs folder: active ones first, then the newest. The log loss is that of "
        "labelled rows; for an incomplete prediction, the share of rows scored."
    )
    CHANGES = frozenset({"stop", "delete"})
    BINDINGS: ClassVar[list[BindingType]] = named(
        "predictions",
        Binding("s", "stop", "Stop", tooltip="Stop the chosen prediction; scored rows are kept"),
        Binding(
            "delete,backspace",
            "delete",
            "Delete",
            key_display="del",
            tooltip="Move the chosen prediction to the trash, after a question",
        ),
        Binding("escape", "app.pop_screen", "Back", key_display="esc", tooltip="Back to where you came from"),
    )

    DEFAULT_CSS = """
    PredictionsScreen {
        #top { height: 1; padding: 0 2; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #detail { height: 4; padding: 0 2; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self._list = PredictionList(runs)
        self.predictions: list[Prediction] = []

    def compose(self) -> ComposeResult:
        yield Static(id="top", markup=False)
        yield Menu("none yet: a finished run predicts rows", id="predictions")
        yield Static(id="detail", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Menu).border_title = Content("predictions")
        self.query_one(Menu).focus()
        self.read()

    @work
    async def read(self) -> None:
        """Look at the disk every now and then, while this screen is the one to be seen."""
        await self.read_now()
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_READS)
            if self.is_current:
                await self.read_now()

    async def read_now(self) -> None:
        self.predictions = await in_thread(self._list.read)
        if self.is_mounted and self.display:  # else it is being left
            self._show()

    def _show(self) -> None:
        menu = self.query_one(Menu)
        menu.show([(str(each.folder.path), partial(line, each)) for each in self.predictions])
        menu.border_subtitle = Content(numbers.count(len(self.predictions)) if self.predictions else "")
        self._show_heading()
        self._show_detail()

    def on_resize(self) -> None:
        super().on_resize()
        self._show_heading()

    def _show_heading(self) -> None:
        words = heading(self.app.size.width - MARGIN) if self.predictions else Content("")
        self.query_one("#top", Static).update(words)

    @on(OptionList.OptionHighlighted)
    def _show_detail(self) -> None:
        chosen = self.chosen
        self.query_one("#detail", Static).update(Content("\n").join(_detail(chosen)) if chosen else Content(""))

    @property
    def chosen(self) -> Prediction | None:
        path = self.query_one(Menu).highlighted_id
        return next((each for each in self.predictions if str(each.folder.path) == path), None)

    @on(OptionList.OptionSelected)
    def _open(self) -> None:
        if chosen := self.chosen:
            self.post_message(OpenRun(chosen.folder))

    @work
    async def action_stop(self) -> None:
        if (chosen := self.chosen) is None:
            return
        if chosen.view.status.is_over:
            self.notify("This prediction is over: there is nothing to stop.", severity="warning")
        elif await ask_to_stop(self, chosen.folder):
            await self.read_now()

    @work
    async def action_delete(self) -> None:
        if (chosen := self.chosen) is None:
            return
        if not chosen.view.status.is_over:
            self.notify(f"This prediction is {chosen.view.status.value}: stop it first.", severity="warning")
            return
        question = what_is_deleted(chosen.view, await asyncio.to_thread(disk_use, chosen.folder))
        ask = AskScreen("delete this prediction?", question, [("y", "delete")])
        if await self.app.push_screen_wait(ask) != "y":
            return
        try:
            await asyncio.to_thread(discard, chosen.folder)
        except (StillInUse, OSError) as error:
            self.notify(printable(f"not deleted: {in_words(error)}"), severity="error", markup=False)
        else:
            self.notify("In the trash now, which the table of all runs and arena-tui trash show.")
        await self.read_now()


def _detail(prediction: Prediction) -> list[Content]:
    """Where it lies, with which runs, and what came of it."""
    view = prediction.view
    runs = printable(", ".join(prediction.runs))
    lines = [Content(place(prediction.folder.path)), Content.styled(f"with {runs}", MUTED)]
    match view.state.last:
        case events.Predicted(submission=submission):
            lines.append(Content.styled(f"written to {place(Path(submission))}", MUTED))
        case events.Failed(cause=cause):
            lines.append(Content.styled(printable(cause), "$text-error"))
    return [*lines, *([Content.styled(printable(view.trouble), "$text-error")] if view.trouble else [])]
