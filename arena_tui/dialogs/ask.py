"""Small dialogs: a question with a few answers, a line to write, one of several, a text to read; how all look."""

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static, TextArea

from arena_tui.format.sanitize import beginning, printable
from arena_tui.format.width import abridged
from arena_tui.screen.keymap import FAR
from arena_tui.terminal.sequences import copy
from arena_tui.widgets.menu import Line, Menu
from arena_tui.widgets.pane import HighlightedText
from core.runs.folder import RunFolder
from core.runs.notes import read_notes


def keys(pairs: Sequence[tuple[str, str]]) -> Content:
    """Each key and the word for what it does."""
    return Content("   ").join(
        Content.assemble((f" {key} ", "bold $background on $accent"), f" {word}") for key, word in pairs
    )


Answer = TypeVar("Answer")
STAY = "escape"


class Dialog(ModalScreen[Answer]):
    """Has a frame of the class box."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "app.help_quit", "Leave", show=False)]

    SECONDS = 2.0
    """For which something is said in the frame."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .box {
            width: 90%;
            max-width: 90;
            height: auto;
            max-height: 90%;
            padding: 1 2;
            border: round $accent;
            background: $surface;
            border-title-color: $accent;
            border-title-style: bold;
            overflow-y: auto;
        }
        .keys { dock: bottom; width: 1fr; margin-top: 1; background: $surface; }
    }
    """

    _seen_since = math.inf
    _said: Timer | None = None
    _beside = Content("")

    def on_mount(self) -> None:
        self.has_news()

    def has_news(self) -> None:
        """It shows something, from now on, that has to be seen before it is answered."""
        self._seen_since = time.monotonic()

    def may_take(self, key: Key) -> bool:
        """Whether the key was pressed by somebody who could see this dialog. Escape is no answer: it leaves all as it
        was."""
        return key.key == STAY or key.time >= self._seen_since

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:  # noqa: ARG002
        """As that of a ConsoleScreen."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if self.why_not(action, parameters) else True

    def show_beside(self, text: str) -> None:
        """Show this in the frame's lower edge from now on, but not in place of what is being said there."""
        self._beside = Content(text)
        if not self._said:
            self.query_one(".box").border_subtitle = self._beside

    def say(self, text: str) -> None:
        """Tell the user something in the frame's lower edge, for a moment."""
        if self._said:
            self._said.stop()
        self._said = self.set_timer(self.SECONDS, self._say_no_more)
        self.query_one(".box").border_subtitle = Content(text)

    def _say_no_more(self) -> None:
        self._said = None
        self.query_one(".box").border_subtitle = self._beside


class AskScreen(Dialog[str]):
    """The answer is the key that was pressed: one of those in `answers`, or STAY for escape and q."""

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]], stay: str = "back") -> None:
        """`answers` are keys with a word for each; `stay` is the word for escape."""
        super().__init__()
        self._title = title
        self._text = text
        self._answers = answers
        self._stay = stay

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content(printable(self._title))
            yield Static(Content(beginning(self._text)), markup=False)
            yield Static(keys([*self._answers, ("esc", self._stay)]), classes="keys")

    def on_key(self, event: Key) -> None:
        if event.key in (STAY, "q", *(key for key, _ in self._answers)):
            event.stop()
            self.dismiss(STAY if event.key == "q" else event.key)


class WriteScreen(Dialog[str | None]):
    """The answer is the line; None where it is to stay as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    DEFAULT_CSS = """
    WriteScreen {
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin-top: 1; background: $panel; }
    }
    """

    def __init__(self, title: str, text: str, before: str, most: int, word: str = "save") -> None:
        """`before` is there to be changed; the line has at most `most` characters. `word` says what enter does."""
        super().__init__()
        self._title = title
        self._text = text
        self._before = before
        self._most = most
        self._word = word

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            yield Static(Content(printable(self._text)), markup=False)
            yield Input(printable(self._before), max_length=self._most, select_on_focus=False)
            yield Static(keys([("enter", self._word), ("esc", "back")]), classes="keys")

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class ChooseScreen(Dialog[str | None]):
    """The answer is the id of one of several; None where nothing is to change."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Back", key_display="esc")]

    DEFAULT_CSS = """
    ChooseScreen Menu, ChooseScreen Menu:focus { height: auto; max-height: 60vh; border: none; }
    """

    def __init__(self, title: str, choices: Sequence[tuple[str, Line]], current: str | None = None) -> None:
        """`choices` are ids, each with the line that is shown for it; `current` is the one that holds now."""
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            yield Menu("none", id="chosen")
            yield Static(keys([("enter", "this one"), ("esc", "back")]), classes="keys")

    def on_mount(self) -> None:
        menu = self.query_one(Menu)
        menu.show(self._choices)
        if self._current is not None:
            menu.highlighted = [chosen for chosen, _ in self._choices].index(self._current)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_id)


async def choose(app: App[Any], title: str, names: Sequence[str], current: str) -> str | None:
    """Let the user choose one of these; None where it stays as it is."""
    return await app.push_screen_wait(ChooseScreen(title, [(name, partial(_named, name)) for name in names], current))


def _named(name: str, width: int) -> Content:
    return Content(abridged(name, width))


def run_line(run: RunFolder, width: int) -> Content:
    """A run to choose, by its folder's name and the user's own."""
    return Content(abridged(f"{printable(run.id)}  {printable(read_notes(run).name)}".rstrip(), width))


SCROLLING = [
    Binding("j", "scroll(1)", "Down", show=False),
    Binding("k", "scroll(-1)", "Up", show=False),
    Binding("g", f"scroll({-FAR})", "First", show=False),
    Binding("G", f"scroll({FAR})", "Last", show=False),
]
"""Of a text in a dialog, beside the keys of what it is scrolled in."""


class ReaderScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", key_display="esc"),
        Binding("Y", "copy", "Copy", show=False),
        *SCROLLING,
    ]

    DEFAULT_CSS = """
    ReaderScreen TextArea, ReaderScreen TextArea:focus { height: auto; max-height: 60vh; border: none; padding: 0; }
    """

    def __init__(self, title: str, text: str, *, language: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._text = beginning(text)
        self._language = language

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(printable(self._title))
            yield HighlightedText(self._text, language=self._language, read_only=True, soft_wrap=True)
            yield Static(keys([("Y", "copy"), ("esc", "close")]), classes="keys")

    def action_copy(self) -> None:
        area = self.query_one(TextArea)
        copy(self.app, area.selected_text or area.text)

    def action_scroll(self, lines: int) -> None:
        self.query_one(TextArea).scroll_relative(y=lines, animate=False)
