"""A list of runs to choose one from."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from arena_tui.plain import printable
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.keys import keys
from arena_tui.widgets.menu import Menu
from core.runs.folder import RunFolder
from core.runs.notes import read_notes


class ChooseRunScreen(Dialog[RunFolder | None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", key_display="esc")]

    DEFAULT_CSS = """
    ChooseRunScreen > .box { height: 60%; }
    """

    def __init__(self, title: str, runs: Sequence[RunFolder]) -> None:
        super().__init__()
        self._title = title
        self._runs = {run.id: run for run in runs}

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            yield Menu("no runs", id="chosen")
            yield Static(keys([("enter", "this one"), ("esc", "back")]), classes="keys")

    def on_mount(self) -> None:
        self.query_one(Menu).show([(run.id, partial(_line, run)) for run in self._runs.values()])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._runs[event.option_id or ""])


def _line(run: RunFolder, width: int) -> Content:
    return Content(f"{printable(run.id)}  {printable(read_notes(run).name)}".rstrip()).truncate(width, ellipsis=True)
