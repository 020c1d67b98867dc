"""Every key of a screen and what it does, read off the screen's own bindings."""

from collections.abc import Collection
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.keys import format_key
from textual.widgets import Static

from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.status import GLYPHS, STYLES
from arena_tui.widgets.facts import facts


class HelpScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark", "dismiss", "Close", key_display="esc"),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, bindings: Collection[ActiveBinding]) -> None:
        super().__init__()
        self._keys = keys_by_explanation(bindings)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("keys")
            yield Static(facts([(names, "", does) for names, does in self._keys]), markup=False)
            marks = [Content.styled(f"{glyph} {status.value}", STYLES[status]) for status, glyph in GLYPHS.items()]
            gap = Content("   ")
            yield Static(Content.assemble("\n", gap.join(marks[:5]), "\n", gap.join(marks[5:])))
            yield Static(keys([("esc", "close")]), classes="keys")

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def keys_by_explanation(bindings: Collection[ActiveBinding]) -> list[tuple[str, str]]:
    """Each explanation with all its keys. A binding without one is Textual's own, of lesser use."""
    names: dict[str, list[str]] = {}
    does = {active.binding.action: active.binding.tooltip for active in bindings}  # ours come after Textual's
    for binding in (active.binding for active in bindings if active.enabled):
        if explanation := does[binding.action]:
            names.setdefault(explanation, []).append(format_key(binding.key))
    return [(" ".join(keys), explanation) for explanation, keys in names.items()]
