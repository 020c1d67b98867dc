"""The keys of a screen in one line: as many as fit, a mark for the others, and for a moment a word in their place."""

from collections.abc import Sequence

from msgspec import Struct
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.events import Click
from textual.keys import format_key
from textual.reactive import var
from textual.timer import Timer
from textual.widget import Widget

from arena_tui.screen.keymap import KEY

HELP = ("app.help", "help")
PINNED = (*HELP, "quit")
"""Actions that are never left out; they stand last."""
GAP = "  "
LEFT_OUT = "…"
"""Stands where keys were left out; a click on it lists all."""


class Item(Struct, frozen=True):
    """A key to press, how it, or it and others of its kind, are called, and what they do."""

    key: str
    called: str
    does: str = ""

    @property
    def text(self) -> Content:
        return Content.assemble((self.called, KEY), f" {self.does}" if self.does else "")


class Footer(Widget):
    """Says the keys of its screen that can be pressed now, those of the widget with the focus first.

    A screen's bindings are in the order of their importance: the last ones are left out first, but the way back stays.
    """

    ALLOW_SELECT = False
    SECONDS = 2.0
    """For which something is said in place of the keys."""

    DEFAULT_CSS = """
    Footer {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $footer-background;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    said: var[str] = var("")
    """What stands there in place of the keys; "" where they do."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[Item] = []
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def say(self, text: str) -> None:
        """Put this, which is printable already, in the keys' place for SECONDS."""
        if self._timer:
            self._timer.stop()
        self.said = text
        self._timer = self.set_timer(self.SECONDS, self._be_silent)

    def _be_silent(self) -> None:
        self.said = ""

    def watch_said(self) -> None:
        self.refresh()

    def render(self) -> Content:
        if self.said:
            self._shown = []
            return Content.styled(self.said, "bold $text-warning")
        self._shown = fitting(*self._items(), self.content_size.width)
        return Content(GAP).join(item.text for item in self._shown)

    def _items(self) -> tuple[list[Item], list[Item], Item]:
        """What may be left out, what may not, and what lists all. Bindings of a group are one."""
        by_action: dict[str, Binding] = {}
        actives = list(self.screen.active_bindings.values())
        nodes = [active.node for active in actives]
        for active in sorted(actives, key=lambda active: (nodes.index(active.node), _rank(active))):
            if active.binding.show and active.enabled and not self._is_text(active.binding.key):
                by_action.setdefault(active.binding.action, active.binding)
        groups: dict[str, list[Binding]] = {}
        for action, binding in by_action.items():
            groups.setdefault(binding.group.description if binding.group else action, []).append(binding)
        items: list[Item] = []
        back: list[Item] = []
        pinned: list[Item] = []
        mark = Item("", LEFT_OUT)
        for name, (first, *others) in groups.items():
            called = "/".join(self.app.get_key_display(one) for one in (first, *others))
            place = pinned if first.action in PINNED else back if first.key == "escape" else items
            place.append(Item(first.key, called, name if first.group else first.description))
            if first.action in HELP:
                mark = Item(first.key, LEFT_OUT)
        return items, [*back, *pinned], mark

    def _is_text(self, key: str) -> bool:
        """Whether the key is for what is being written. Textual itself asks only for those with a name in Unicode."""
        focused, called = self.screen.focused, format_key(key)
        character = called if len(called) == 1 and called.isascii() else None
        return focused is not None and focused.check_consume_key(key, character)

    def on_click(self, event: Click) -> None:
        """As if the key were pressed."""
        end = self.styles.padding.left
        for item in self._shown:
            end += item.text.cell_length + len(GAP)
            if event.x < end:
                self.app.simulate_key(item.key)
                return


def _rank(active: ActiveBinding) -> int:
    """Its place among the bindings that its node's class declares: those of a key that Textual binds too come first."""
    declared = [one.action for one in vars(type(active.node)).get("BINDINGS", ()) if isinstance(one, Binding)]
    action = active.binding.action
    return declared.index(action) if action in declared else len(declared)


def fitting(items: Sequence[Item], pinned: Sequence[Item], mark: Item, width: int) -> list[Item]:
    """As many of `items` as fit into `width` cells beside those that are `pinned`: the first ones, and then `mark`."""
    kept = [*items, *pinned]
    for count in range(len(items) - 1, -1, -1):
        if sum(item.text.cell_length for item in kept) + len(GAP) * (len(kept) - 1) <= width:
            break
        kept = [*items[:count], mark, *pinned]
    return kept
