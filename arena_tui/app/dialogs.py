"""The console's own dialogs: every key of a screen, and what becomes of runs when it is left."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import SCROLLING, Dialog, keys
from arena_tui.format.numbers import GLYPHS, STYLES
from arena_tui.format.sanitize import printable
from arena_tui.runs.consequences import what_is_kept
from arena_tui.runs.follow import RunView
from arena_tui.runs.waits import Wait, without_console
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.keymap import called
from arena_tui.widgets.facts import facts, wrapped
from arena_tui.widgets.pane import FittedText
from core.runs.actions import CannotStop, stop
from core.runs.stopping import Rung


class HelpScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark", "dismiss", "Close", key_display="esc"),
        *SCROLLING,
    ]

    def __init__(self, bindings: Collection[ActiveBinding], about: str) -> None:
        """`about` explains the screen, above its keys; it may be empty."""
        super().__init__()
        self._keys = keys_by_explanation(bindings)
        self._about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("keys")
            if self._about:
                yield Static(Content(f"{self._about}\n"))
            yield FittedText(id="all-keys")
            marks = [Content.styled(f"{glyph} {status.value}", STYLES[status]) for status, glyph in GLYPHS.items()]
            gap = Content("   ")
            lines = [gap.join(marks[at : at + 4]) for at in range(0, len(marks), 4)]
            yield Static(Content("\n").join([Content(""), *lines]))
            yield Static(keys([("esc", "close")]), classes="keys")

    def on_mount(self) -> None:
        rows = [(names, "", does) for names, does in self._keys]
        self.query_one(FittedText).show(lambda width: facts(wrapped(rows, width)))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def explanation(screen: Screen[Any]) -> str:
    """What there is to say of the pane in front; "" where it is no more than the keys say."""
    node = screen.in_front if isinstance(screen, ConsoleScreen) else screen.focused
    places = (node or screen).ancestors_with_self
    return next((place.HELP for place in places if isinstance(place, Widget) and place.HELP), "")


def keys_by_explanation(bindings: Collection[ActiveBinding]) -> list[tuple[str, str]]:
    """Each explanation with all its keys. A binding without one is Textual's own, of lesser use."""
    names: dict[str, list[str]] = {}
    does = {active.binding.action: active.binding.tooltip for active in bindings}  # ours come after Textual's
    for binding in (active.binding for active in bindings if active.enabled):
        if explanation := does[binding.action]:
            names.setdefault(explanation, []).append(called(binding.key))
    return [(" ".join(keys), explanation) for explanation, keys in names.items()]


PATIENCE_SECONDS = 3.0
"""After which a runs folder that does not answer is left unasked on the way out."""


class Leaving(Enum):
    BACK = "back"
    LEAVE = "leave"
    STOP = "stop"


class QuitScreen(Dialog[Leaving]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,enter,q", "answer('LEAVE')", "Leave it running", key_display="l"),
        Binding("s", "answer('STOP')", "Stop it"),
        Binding("escape,n", "answer('BACK')", "Back", key_display="esc"),
    ]

    def __init__(self, runs: Sequence[RunView], waiting: Sequence[Wait]) -> None:
        super().__init__()
        self._runs = runs
        self._waiting = waiting

    def compose(self) -> ComposeResult:
        one = len(self._runs) == 1
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("a run is active" if one else f"{len(self._runs)} runs are active")
            for run in self._runs:
                yield Static(Content.styled(printable(run.folder.id), "bold"), markup=False)
            needs = "it needs" if one else "they need"
            text = f"\nLeft running, {needs} neither this console nor the connection; reopen the console to watch."
            yield Static(Content(text))
            if self._waiting:
                yield Static(Content(without_console(self._waiting)), markup=False)
            if one:
                yield Static(Content(f"Stopped: {what_is_kept(self._runs[0])}"), markup=False)
            them = "it" if one else "them"
            answers = [("l", "leave running"), ("s", f"stop {them}"), ("esc", "back")]
            yield Static(keys(answers), classes="keys")

    def action_answer(self, name: str) -> None:
        self.dismiss(Leaving[name])


def ask_to_stop(run: RunView) -> str:
    """Ask a run to end, and say what came of it in a line."""
    try:
        stop(run.folder, Rung.SAVE)
    except CannotStop as error:
        return printable(f"not stopped: {error}")
    return f"asked to stop: {printable(run.folder.id)}; it saves a checkpoint and ends on its own"


async def ask_about_runs(app: App[None], known_runs: Callable[[], Sequence[RunView]]) -> str | None:
    """Ask what becomes of the runs that go on; what to say of them on leaving, or None where the user stays."""
    try:
        runs = await asyncio.wait_for(in_thread(known_runs), PATIENCE_SECONDS)
    except TimeoutError:
        return "The runs folder does not respond; active runs in it are left running."
    going_on = [run for run in runs if run.is_going_on_here]
    waiting = [run.wait for run in runs if run.wait]
    answer = await app.push_screen_wait(QuitScreen(going_on, waiting)) if going_on else Leaving.LEAVE
    match answer:
        case Leaving.BACK:
            return None
        case Leaving.STOP:
            lines = list(map(ask_to_stop, going_on))
        case Leaving.LEAVE:
            lines = [f"left running: {printable(run.folder.id)}" for run in going_on]
    return "\n".join(filter(None, [*lines, without_console(waiting)]))
