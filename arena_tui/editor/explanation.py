"""Explains the setting under the cursor, and lists all problems of the text."""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from arena_tui.format.numbers import MUTED, counted
from arena_tui.format.sanitize import printable, shortened
from arena_tui.widgets.facts import Fact, facts, hanging, wrapped
from arena_tui.widgets.pane import FittedText
from core.profile.cursor import place
from core.profile.errors import Problem
from core.profile.explain import Setting, settings
from core.profile.load import ABSENT

MOST_PROBLEMS = 100
"""Problems that are listed."""


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
        self._problems: Sequence[Problem] = ()

    def show(self, problems: Sequence[Problem]) -> None:
        """Show these problems, in their order."""
        self.set_class(not problems, "-none")
        n = len(problems)
        first = f", the first {MOST_PROBLEMS} shown" if n > MOST_PROBLEMS else ""
        self.border_title = Content(f"✗ {counted(n, 'problem')}{first}")
        self._problems = problems[:MOST_PROBLEMS]
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.scrollable_content_region.width - 2
        lines = (hanging("•", printable(str(problem)), width) for problem in self._problems)
        self.set_options(Option(Content(line)) for line in lines)


class Explanation(VerticalScroll, can_focus=False):
    DEFAULT_CSS = """
    Explanation {
        width: 46;
        height: 1fr;
        padding: 0 0 0 1;
        scrollbar-gutter: stable;
        border: round $foreground 25%;
        border-title-color: $foreground;
        & > .setting { height: auto; margin-bottom: 1; }
        & > .section { height: auto; }
    }
    """

    def compose(self) -> ComposeResult:
        yield FittedText(classes="setting")
        yield FittedText(classes="section")

    def explain(self, lines: Sequence[str], row: int) -> None:
        """Say what is to be known at line `row`, from 0, of a profile."""
        section, name = place(lines, row)
        known = settings().get(section or "", {})
        setting = known.get(name or "")
        title = setting.key if setting else f"[{section}]" if section else "sections"
        self.border_title = Content(printable(shortened(title, 40)))
        self.set_class(setting is not None, "-has-setting")
        about, around = self.query_one(".setting", FittedText), self.query_one(".section", FittedText)
        about.display = setting is not None
        if setting:
            about.show(lambda width: _setting(setting, width))
        around.show(lambda width: _section(known, name) if known else _sections(width))


def _setting(setting: Setting, width: int) -> Content:
    same = setting.recipe == setting.default
    rows: list[Fact] = [
        ("must be", setting.allowed, ""),
        ("unit", setting.unit or "", ""),
        ("default", _value(setting.default), "as in the recipe" if same else ""),
        ("recipe", "" if same else _value(setting.recipe), ""),
    ]
    return Content.assemble(f"{setting.meaning}.\n", facts(wrapped([row for row in rows if row[1]], width)))


def _section(known: Mapping[str, Setting], name: str | None) -> Content:
    """The keys of a section with their defaults, the one of that name marked."""
    keys = [
        Content.assemble((key, "bold" if key == name else ""), " ", (_value(setting.default), MUTED))
        for key, setting in known.items()
    ]
    return Content.assemble(("keys and their defaults\n", MUTED), Content(" · ").join(keys))


def _sections(width: int) -> Content:
    return facts(wrapped([(name, "", ", ".join(keys)) for name, keys in settings().items()], width))


def _value(written: str | None) -> str:
    return ABSENT if written is None else written
