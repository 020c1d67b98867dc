"""All problems of a text, each with its line; or that there are none."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from arena_tui.plain import printable
from core.profile.load import Problem


class ProblemList(OptionList):
    """Problems are picked with the mouse here, and with a key of the screen."""

    can_focus = False

    DEFAULT_CSS = """
    ProblemList {
        height: auto;
        max-height: 8;
        padding: 0;
        background: transparent;
        border: none;
        border-top: solid $foreground 15%;
        border-title-color: $text-error;
        &.-none { display: none; }
        & > .option-list--option { padding: 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__(markup=False, classes="-none")

    def show(self, problems: Sequence[Problem]) -> None:
        """Show these problems, in their order."""
        self.set_class(not problems, "-none")
        n = len(problems)
        self.border_title = Content(f"✗ {n} problem{'s' if n > 1 else ''}")
        self.set_options(Option(Content(printable(str(problem)))) for problem in problems)
