"""The text of a profile to edit: highlighted, with a mark on lines that have problems, and completed."""

from collections.abc import Set
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.geometry import Offset
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from arena_tui.terminal.private_use import held
from arena_tui.widgets.text_area import WrittenText
from core.profile.cursor import Choice, Completion, complete

MOST_CELLS = 60


class Choices(OptionList):
    """Never has the focus: the text that is edited keeps it and moves the highlight here."""

    can_focus = False

    DEFAULT_CSS = """
    Choices {
        position: absolute;
        overlay: screen;
        constrain: inside inflect;
        display: none;
        width: auto;
        max-width: 64;
        height: auto;
        max-height: 8;
        padding: 0;
        border: none;
        background: $panel;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        & > .option-list--option { padding: 0 1; }
        & > .option-list--option-highlighted { background: $accent; color: $background; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.completion: Completion | None = None

    def open(self, completion: Completion, at: Offset) -> None:
        """Show what fits, below the cell `at` of the screen."""
        self.completion = completion
        width = max(len(choice.text) for choice in completion.choices)
        self.set_options(Option(_line(choice, width)) for choice in completion.choices)
        self.highlighted = 0
        self.absolute_offset = at + Offset(0, 1)
        self.display = True

    def close(self) -> None:
        self.completion = None
        self.display = False

    @property
    def chosen(self) -> Choice | None:
        if self.completion is None or self.highlighted is None:
            return None
        return self.completion.choices[self.highlighted]


def _line(choice: Choice, width: int) -> Content:
    line = Content.assemble(choice.text.ljust(width), "  " if choice.meaning else "", choice.meaning)
    return line.truncate(MOST_CELLS, ellipsis=True)


MARK = "✗"


class TomlArea(WrittenText):
    """Its `whole_text` is what a file would hold."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"toml-area--mark"}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", tooltip="Suggest keys or values; again: take the suggestion"),
    ]

    DEFAULT_CSS = """
    TomlArea {
        height: 1fr;
        border: none;
        padding: 0;
        &:focus { border: none; }
        & .toml-area--mark { color: $text-error; text-style: bold; }
    }
    """

    def __init__(self, text: str, choices: Choices) -> None:
        super().__init__(held(text), language="toml", soft_wrap=True, show_line_numbers=True, tab_behavior="focus")
        self._choices = choices
        self._marked: Set[int] = frozenset()

    def load_profile(self, text: str) -> None:
        """Replace all of the text; the cursor stays where it was as far as there is such a place."""
        where = self.cursor_location
        self.load_text(held(text))
        self.move_cursor(where)

    def mark(self, rows: Set[int]) -> None:
        """Mark these lines, counted from 0, and no others."""
        if rows != self._marked:
            self._marked = rows
            self.refresh()

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        shown = y + self.scroll_offset.y
        if shown >= self.wrapped_document.height:
            return strip
        row, column = self.wrapped_document.offset_to_location(Offset(0, shown))
        if row not in self._marked or column:
            return strip
        at = self.gutter_width - 2
        mark = Strip([Segment(MARK, self.get_component_rich_style("toml-area--mark"))], 1)
        return Strip.join([strip.crop(0, at), mark, strip.crop(at + 1)])

    def on_text_area_changed(self) -> None:
        """Offer what completes the word that is being written, but nothing for no word at all."""
        completion = complete(self.document.lines, *self.cursor_location)
        texts = [choice.text for choice in completion.choices]
        starts_value = self.document.lines[self.cursor_location[0]][: self.cursor_location[1]].endswith("= ")
        if self.has_focus and texts and (completion.word or starts_value) and texts != [completion.word]:
            self._open_choices()
        else:
            self._choices.close()

    def on_text_area_selection_changed(self) -> None:
        completion = self._choices.completion
        row, column = self.cursor_location
        if completion and complete(self.document.lines, row, column) != completion:
            self._choices.close()

    def on_key(self, event: Key) -> None:
        if event.key == "escape" and self._choices.completion:
            self._choices.close()
            event.stop()
            event.prevent_default()

    def on_blur(self) -> None:
        self._choices.close()

    def action_complete(self) -> None:
        completion, chosen = self._choices.completion, self._choices.chosen
        if completion is None or chosen is None:
            self._open_choices()
            return
        row = self.cursor_location[0]
        self._choices.close()
        end = self.replace(
            chosen.text, (row, completion.start), (row, completion.end), maintain_selection_offset=False
        ).end_location
        self.move_cursor(end)

    def action_cursor_up(self, select: bool = False) -> None:
        if self._choices.completion and not select:
            self._choices.action_cursor_up()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if self._choices.completion and not select:
            self._choices.action_cursor_down()
        else:
            super().action_cursor_down(select)

    def _open_choices(self) -> None:
        completion = complete(self.document.lines, *self.cursor_location)
        if completion.choices:
            word_start = self.cursor_screen_offset - (len(completion.word), 0)
            self._choices.open(completion, word_start)
