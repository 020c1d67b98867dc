"""Panes that share a place: one is in front, and takes the keys. Knows nothing of what they show."""

from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Tab, Tabs

NUMBERED = 80
"""From this width on there is room for the keys of the panes in their tabs."""


class Layout(Struct, frozen=True):
    """`fixed` panes are always seen on screens of so many cells at least; `name` is a class of the widget there."""

    name: str
    width: int
    height: int
    fixed: tuple[str, ...]


SMALL = Layout("-small", 0, 0, ())


class TurningPanes(Vertical):
    """Where there is room, some panes are always seen and the others take turns; on small terminals all do.

    The names of PANES, in the order of the tabs, are the ids of the panes; the first that takes turns is in front at
    first. A subclass lays #panes out for each of its LAYOUTS, the largest first.
    """

    PANES: ClassVar[tuple[str, ...]]
    LAYOUTS: ClassVar[tuple[Layout, ...]]

    DEFAULT_CSS = """
    TurningPanes {
        height: 1fr;
        Tabs { height: 1; }
        &.-small Tab { padding: 0 0 0 1; }
        Underline { display: none; }
        #panes { height: 1fr; layout: grid; }
        #panes > * { display: none; }
        #panes > .-fixed, #panes > .-current { display: block; }
        #panes > .-current { border: round $accent; border-title-color: $accent; }
    }
    """

    current: var[str] = var("")

    def __init__(self, *panes: Widget) -> None:
        """`panes` have their names for ids."""
        super().__init__()
        self._panes = panes

    def compose(self) -> ComposeResult:
        first = self._turning_in(self._fitting)[0]
        tabs = Tabs(*(Tab(name, id=f"tab-{name}") for name in self.PANES), active=f"tab-{first}")
        tabs.can_focus = False
        yield tabs
        with Container(id="panes"):
            yield from self._panes

    def on_mount(self) -> None:
        self._lay_out()

    @property
    def page(self) -> int:
        """Lines of the pane in front."""
        return max(1, self.query_one(f"#{self.current}").scrollable_content_region.height - 1)

    def turn(self, direction: int) -> None:
        """To the next pane that takes turns, or the one before."""
        names = self._turning_in(self._fitting)
        self.choose(names[(names.index(self.current) + direction) % len(names)])

    def always_seen(self, index: object) -> str:
        """The name of the pane at this place of PANES where it takes no turns, since it is always seen; else ""."""
        name = self.PANES[int(str(index))]
        return name if name in self._fitting.fixed else ""

    def choose(self, name: str) -> None:
        """Bring a pane to the front."""
        self.current = name
        for pane in self.PANES:
            self.query_one(f"#{pane}").set_class(pane == name, "-current")
        self.query_one(Tabs).active = f"tab-{name}"

    def on_resize(self) -> None:
        self._lay_out()

    @property
    def _fitting(self) -> Layout:
        """The largest one for which the screen has room."""
        size = self.screen.size
        return next(one for one in (*self.LAYOUTS, SMALL) if size.width >= one.width and size.height >= one.height)

    def _turning_in(self, layout: Layout) -> list[str]:
        return [name for name in self.PANES if name not in layout.fixed]

    def _lay_out(self) -> None:
        layout = self._fitting
        for one in (*self.LAYOUTS, SMALL):
            self.set_class(one is layout, one.name)
        turning = self._turning_in(layout)
        for number, name in enumerate(self.PANES, 1):
            self.query_one(f"#{name}").set_class(name in layout.fixed, "-fixed")
            tab = self.query_one(f"#tab-{name}", Tab)
            tab.label = f"{number} {name}" if self.screen.size.width >= NUMBERED else name
            tab.display = name in turning
        self.query_one(Tabs).display = len(turning) > 1
        if self.current not in turning:
            self.choose(turning[0])

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        if event.tab.id == event.tabs.active:  # else another one has been chosen meanwhile, and the two would alternate
            self.choose((event.tab.id or "").removeprefix("tab-"))
