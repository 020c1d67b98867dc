"""The small list beside the cursor of what could be written there."""

from textual.content import Content
from textual.geometry import Offset
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from core.profile.cursor import Choice, Completion

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
