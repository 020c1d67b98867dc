"""Shows what differs, one comparison at a time."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui.differences import Comparison, differences
from arena_tui.marks import MUTED
from arena_tui.plain import printable
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.keys import keys


class DifferencesScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,f4", "dismiss", "Close", key_display="esc"),
        Binding("tab,left,right", "other", "Other", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    DEFAULT_CSS = """
    DifferencesScreen {
        & > .box { height: 80%; max-width: 110; }
        & .titles { margin-bottom: 1; }
        & VerticalScroll { height: 1fr; }
    }
    """

    shown: var[int] = var(0)

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        super().__init__()
        self._comparisons = comparisons

    def compose(self) -> ComposeResult:
        several = len(self._comparisons) > 1
        with Vertical(classes="box") as box:
            box.border_title = Content("differences")
            yield Static(classes="titles", markup=False)
            with VerticalScroll():
                yield Static(classes="lines", markup=False)
            yield Static(keys([*([("tab", "the other")] if several else []), ("esc", "close")]), classes="keys")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    @work(exclusive=True)
    async def watch_shown(self, shown: int) -> None:
        titles = [
            Content.styled(printable(comparison.title), "bold $accent" if index == shown else MUTED)
            for index, comparison in enumerate(self._comparisons)
        ]
        self.query_one(".titles", Static).update(Content("   ").join(titles))
        self.query_one(".lines", Static).update(await asyncio.to_thread(differences, self._comparisons[shown]))

    def action_other(self) -> None:
        self.shown = (self.shown + 1) % len(self._comparisons)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
