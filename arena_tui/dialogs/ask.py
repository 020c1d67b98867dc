"""Small dialogs: a question with a few answers, a line to write, one run of a list, a text to read; how all look."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static, TextArea

from arena_tui.format.sanitize import beginning, printable
from arena_tui.format.width import abridged
from arena_tui.terminal.sequences import copy
from arena_tui.widgets.menu import Menu
from arena_tui.widgets.pane import HighlightedText
from core.runs.folder import RunFolder
from core.runs.notes import read_notes


def keys(pairs: Sequence[tuple[str, str]]) -> Content:
    """Each key and the word for what it does."""
    return Content("   ").join(
        Content.assemble((f" {key} ", "bold $background on $accent"), f" {word}") for key, word in pairs
    )


Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
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


STAY = "escape"


class AskScreen(Dialog[str]):
    """The answer is the key that was pressed: one of those in `answers`, or STAY for escape."""

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
        if event.key in (STAY, *(key for key, _ in self._answers)):
            event.stop()
            self.dismiss(event.key)


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
    return Content(abridged(f"{printable(run.id)}  {printable(read_notes(run).name)}".rstrip(), width))


class ReaderScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", key_display="esc"),
        Binding("Y", "copy", "Copy", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
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
