"""Panes that share a place: one is in front, and takes the keys. Knows nothing of what they show."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Tab, Tabs

WIDE, HIGH = 110, 32
"""From this size on, as the app's own breakpoints say, the fixed panes are always seen beside each other."""
NUMBERED = 80
"""From this width on there is room for the keys of the panes in their tabs."""


class TurningPanes(Vertical):
    """Where there is room, the panes of FIXED are always seen and the others take turns; on small terminals all do.

    The names of PANES, in the order of the tabs, are the ids of the panes. A subclass lays out #panes for
    large terminals, and hides there what takes turns.
    """

    PANES: ClassVar[tuple[str, ...]]
    FIXED: ClassVar[tuple[str, ...]]
    FIRST: ClassVar[str]
    """The pane in front at first; it takes turns."""
    FIRST_SMALL: ClassVar[str]
    """The same on small terminals, where it may be any."""

    DEFAULT_CSS = """
    TurningPanes {
        height: 1fr;
        Tabs { height: 1; }
        Underline { display: none; }
        #panes { height: 1fr; }
        #panes > .-current { display: block; border: round $accent; border-title-color: $accent; }
        &.-small {
            #panes { layout: vertical; }
            #panes > * { display: none; width: 1fr; height: 1fr; }
            #panes > .-current { display: block; }
        }
    }
    """

    current: var[str] = var("")

    def __init__(self, *panes: Widget) -> None:
        """`panes` have their names for ids."""
        super().__init__()
        self._panes = panes

    def compose(self) -> ComposeResult:
        tabs = Tabs(*(Tab(name, id=f"tab-{name}") for name in self.PANES), active=f"tab-{self._first}")
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            yield from self._panes

    def on_mount(self) -> None:
        self.choose(self._first)

    @property
    def page(self) -> int:
        """Lines of the pane in front."""
        return max(1, self.query_one(f"#{self.current}").scrollable_content_region.height - 1)

    def turn(self, direction: int) -> None:
        """To the next pane that takes turns, or the one before."""
        names = [name for name in self.PANES if name not in self.FIXED or self.has_class("-small")]
        self.choose(names[(names.index(self.current) + direction) % len(names)])

    def always_seen(self, index: object) -> str:
        """The name of the pane at this place of PANES where it takes no turns, since it is always seen; else ""."""
        name = self.PANES[int(str(index))]
        return name if name in self.FIXED and not self.has_class("-small") else ""

    def choose(self, name: str) -> None:
        """Bring a pane to the front."""
        self.current = name
        for pane in self.PANES:
            self.query_one(f"#{pane}").set_class(pane == name, "-current")
        self.query_one(Tabs).active = f"tab-{name}"

    def on_resize(self) -> None:
        is_small = self._is_small
        self.set_class(is_small, "-small")
        for number, name in enumerate(self.PANES, 1):
            tab = self.query_one(f"#tab-{name}", Tab)
            tab.label = f"{number} {name}" if self.screen.size.width >= NUMBERED else name
            tab.display = is_small or name not in self.FIXED
        if not is_small and self.current in self.FIXED:
            self.choose(self.FIRST)

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        if event.tab.id == event.tabs.active:  # else another one has been chosen meanwhile, and the two would alternate
            self.choose((event.tab.id or "").removeprefix("tab-"))

    @property
    def _first(self) -> str:
        return self.FIRST_SMALL if self._is_small else self.FIRST

    @property
    def _is_small(self) -> bool:
        return self.screen.size.width < WIDE or self.screen.size.height < HIGH
