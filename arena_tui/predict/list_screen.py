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
from arena_tui.format.width import abridged
from arena_tui.predict.listing import Prediction, PredictionList, heading, line
from arena_tui.predict.screen import ask_to_stop
from arena_tui.runs.consequences import what_is_deleted
from arena_tui.runs.messages import OpenRun
from arena_tui.screen.console_screen import OPENING, ConsoleScreen
from arena_tui.screen.footer import Footer
from arena_tui.screen.keymap import hint, named
from arena_tui.screen.undo import Changed
from arena_tui.widgets.menu import Menu
from core.files import in_words
from core.runs import events
from core.runs.checkpoints import disk_use
from core.runs.trash import StillInUse, discard, put_back

SECONDS_BETWEEN_READS = 2.0
DETAIL_PADDING = 4


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
        self.predictions: list[Prediction] | None = None
        """None until they have been read."""

    def compose(self) -> ComposeResult:
        yield Static(id="top", markup=False)
        yield Menu("none yet: a finished run predicts rows", id="predictions")
        yield Static(id="detail", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Menu).border_title = Content("predictions")
        self.query_one(Menu).focus()
        self.read()

    @property
    def is_ready(self) -> bool:
        return self.predictions is not None

    @work
    async def read(self) -> None:
        """Look at the disk every now and then, while this screen is the one to be seen."""
        await self.read_now()
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_READS)
            if self.is_seen:
                await self.read_now()

    async def read_now(self) -> None:
        self.predictions = await in_thread(self._list.read)
        if self.is_mounted and self.display:  # else it is being left
            self._show(self.predictions)

    @work
    async def on_undone(self) -> None:
        await self.read_now()

    def _show(self, predictions: list[Prediction]) -> None:
        menu = self.query_one(Menu)
        menu.show([(str(each.folder.path), partial(line, each)) for each in predictions])
        menu.border_subtitle = Content(numbers.count(len(predictions)) if predictions else "")
        self._show_heading()
        self._show_detail()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_heading)
        self._show_detail()

    def _show_heading(self) -> None:
        words = heading(self.query_one(Menu).line_width) if self.predictions else Content("")
        self.query_one("#top", Static).update(words)

    @on(OptionList.OptionHighlighted)
    def _show_detail(self) -> None:
        lines = _detail(self.chosen, self.size.width - DETAIL_PADDING) if self.chosen else []
        self.query_one("#detail", Static).update(Content("\n").join(lines))
        self.refresh_bindings()

    @property
    def chosen(self) -> Prediction | None:
        path = self.query_one(Menu).highlighted_id
        return next((each for each in self.predictions or () if str(each.folder.path) == path), None)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        if action not in ("stop", "delete"):
            return super().why_not(action, parameters)
        if (chosen := self.chosen) is None:
            return "there is no prediction to choose"
        if chosen.view.status.is_over:
            return "this prediction is over" if action == "stop" else ""
        return f"it is {chosen.view.status.value}: stop it first" if action == "delete" else ""

    @on(OptionList.OptionSelected)
    def _open(self) -> None:
        if chosen := self.chosen:
            self.post_message(OpenRun(chosen.folder))

    @work(group=OPENING)
    async def action_stop(self) -> None:
        if (chosen := self.chosen) and await ask_to_stop(self, chosen.folder):
            await self.read_now()

    @work(group=OPENING)
    async def action_delete(self) -> None:
        if (chosen := self.chosen) is None:
            return
        question = what_is_deleted(chosen.view, await asyncio.to_thread(disk_use, chosen.folder))
        ask = AskScreen("delete this prediction?", question, [("y", "delete")])
        if await self.app.push_screen_wait(ask) != "y":
            return
        try:
            deleted = await asyncio.to_thread(discard, chosen.folder)
        except (StillInUse, OSError) as error:
            self.notify(printable(f"not deleted: {in_words(error)}"), severity="error", markup=False)
        else:
            self.app.post_message(Changed(f"{chosen.folder.id} is put back", partial(put_back, deleted)))
            self.notify(f"In the trash now{hint(self, 'undo', '; {} puts it back').plain}")
        await self.read_now()


def _detail(prediction: Prediction, width: int) -> list[Content]:
    """Where it lies, with which runs, and what came of it, in lines of `width` cells."""
    view = prediction.view
    runs = printable(", ".join(prediction.runs))
    where = Content(abridged(place(prediction.folder.path), width))
    lines = [where, Content.styled(abridged(f"with {runs}", width), MUTED)]
    match view.state.last:
        case events.Predicted(submission=submission):
            lines.append(Content.styled(abridged(f"written to {place(Path(submission))}", width), MUTED))
        case events.Failed(cause=cause):
            lines.append(Content.styled(printable(cause), "$text-error"))
    return [*lines, *([Content.styled(printable(view.trouble), "$text-error")] if view.trouble else [])]
