"""What the console's screens share: what a key cannot do now and why, what F1 explains, how small they get."""

from typing import ClassVar, TypeVar

from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from arena_tui.screen.footer import Footer

READONLY = "-readonly"
"""The class of an app that may watch and touch nothing."""
PLAIN = "-plain"
"""The class of an app on a terminal without colours, or with ASCII alone."""
COLUMNS, LINES = 40, 12
"""A terminal below this has no room for anything but to say so."""
OPENING = "opening"
"""The group of workers that open a dialog or a screen: keys that are typed meanwhile are for what they open."""
Result = TypeVar("Result")


class ConsoleScreen(Screen[Result]):
    CHANGES: ClassVar[frozenset[str]] = frozenset()
    """Actions that change a run, a profile or a file."""

    DEFAULT_CSS = """
    ConsoleScreen {
        & > .too-small {
            display: none;
            overlay: screen;
            position: absolute;
            width: 100vw;
            height: 100vh;
            content-align: center middle;
            text-align: center;
            background: $background;
        }
        &.-too-small > .too-small { display: block; }
    }
    """

    _told_their_size: frozenset[Widget] = frozenset()

    @property
    def in_front(self) -> Widget | None:
        """The widget that F1 explains: the one that keys go to."""
        return self.focused

    @property
    def is_seen(self) -> bool:
        """Whether it is the screen in front: Textual's is_current holds for the one just below, too."""
        return self.app.screen is self

    @property
    def is_ready(self) -> bool:
        """Whether a screen that has just been opened knows what keys do there: those typed ahead wait for it."""
        return True

    async def may_leave(self) -> bool:
        """Whether the console may be left: one that holds what is not saved asks the user."""
        return True

    def say(self, text: str) -> None:
        """Tell the user something in a line, for a moment."""
        self.query_one(Footer).say(text)

    def on_mount(self) -> None:
        self.mount(Static(classes="too-small", markup=False))

    def on_resize(self) -> None:
        columns, lines = self.app.size
        self.set_class(columns < COLUMNS or lines < LINES, "-too-small")
        words = f"too small: {columns} x {lines}\n{COLUMNS} x {LINES} at least"
        for told in self.query(".too-small").results(Static):
            told.update(words)

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        """As Textual's, which sends no Resize to a widget that came into its map between two layouts: who asks for a
        place meanwhile has the map made anew, and the layout finds nothing new. What draws for its size stayed empty.
        """
        placed = self._compositor._full_map
        for widget in placed.keys() - self._told_their_size:
            del placed[widget]
        super()._refresh_layout(size, scroll)
        self._told_their_size = frozenset(self._compositor._full_map)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:  # noqa: ARG002
        """Why an action is of no use now, in a few words; "" where it is. The user is told when its key is pressed."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """False for what a read-only console has not; None for what is of no use now."""
        if action in self.CHANGES and self.app.has_class(READONLY):
            return False
        return None if self.why_not(action, parameters) else True
