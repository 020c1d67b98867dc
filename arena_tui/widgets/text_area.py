"""A text to type or paste in, whatever it holds: every character is kept as it was, and none is obeyed."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Paste

from arena_tui.terminal.private_use import held, pictured, restored
from arena_tui.widgets.pane import HighlightedText


class WrittenText(HighlightedText):
    """Its `text` is for the widget only; `whole_text` is what was typed and pasted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z,super+z", "undo", "Undo", show=False, tooltip="Undo"),
        Binding("ctrl+y,super+y", "redo", "Redo", show=False, tooltip="Redo"),
    ]

    @property
    def whole_text(self) -> str:
        return restored(self.text)

    def get_line(self, line_index: int) -> Text:
        return Text(pictured(self.document.get_line(line_index)), end="", no_wrap=True)

    def on_paste(self, event: Paste) -> None:
        event.stop()
        event.prevent_default()
        pasted = event.text.replace("\r\n", "\n").replace("\r", "\n")
        self.move_cursor(self.replace(held(pasted), *self.selection, maintain_selection_offset=False).end_location)
