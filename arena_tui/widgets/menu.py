"""A list to walk through with the arrow keys or j and k, each item one line that is exactly as wide as it."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from arena_tui.screen.keymap import named

Line = Callable[[int], Content]
"""Draws an item for a width in cells."""


class Menu(OptionList):
    """Items are named by ids that stay; a refresh moves neither the highlight nor an unchanged line."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        "list",
        Binding("enter", "select", "Open", tooltip="Open or take what is chosen"),
        Binding("down,j", "cursor_down", "Down", show=False, tooltip="Down and up in this list"),
        Binding("home,g", "first", "First", show=False, tooltip="To the first of this list, or the last"),
        Binding("end,G", "last", "Last", show=False, tooltip="To the first of this list, or the last"),
        Binding("up,k", "cursor_up", "Up", show=False, tooltip="Down and up in this list"),
    )

    DEFAULT_CSS = """
    Menu {
        height: 1fr;
        padding: 0;
        scrollbar-gutter: stable;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        background: transparent;
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
        & > .option-list--option { padding: 0 1; }
        /* Tints: on the full accent, a state in that colour could not be seen. */
        & > .option-list--option-highlighted { background: $foreground 12%; color: $foreground; }
        &:focus > .option-list--option-highlighted { background: $accent 30%; color: $foreground; text-style: bold; }
        &:focus { border: round $accent; border-title-color: $accent; background-tint: transparent; }
    }
    """

    def __init__(self, empty: str, *, id: str) -> None:
        """`empty` stands in for items."""
        super().__init__(id=id, markup=False)
        self._empty = empty
        self._items: dict[str, Line] = {}

    def show(self, items: Sequence[tuple[str, Line]]) -> None:
        """Show these items, by id."""
        same = list(self._items) == [item_id for item_id, _ in items]
        self._items = dict(items)
        if same and self.option_count:
            self._redraw()
            return
        before = self.highlighted_id
        width = self.line_width
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(Option(line(width), id=item_id) for item_id, line in items)
            if not items:
                self.add_option(Option(Content(self._empty), disabled=True))
        if items:
            ids = list(self._items)
            self.highlighted = ids.index(before) if before in self._items else 0

    @property
    def highlighted_id(self) -> str | None:
        option = self.highlighted_option
        return option.id if option else None

    def on_resize(self) -> None:
        self._redraw()

    @property
    def line_width(self) -> int:
        """Cells of an item."""
        return max(10, self.scrollable_content_region.width - 2)

    def _redraw(self) -> None:
        for index, line in enumerate(self._items.values()):
            drawn = line(self.line_width)
            shown = self.get_option_at_index(index).prompt
            if not (isinstance(shown, Content) and shown.is_same(drawn)):
                self.replace_option_prompt_at_index(index, drawn)
