"""A list of rows, drawn line by line as far as it is seen, so that it may be of any length. Knows no text of a row."""

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from arena_tui.dataset.cuts import ALARM
from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable, shortened
from arena_tui.rows.view import Inspected
from core.data.example import LABELS
from core.inspect.cuts import Cut

CELLS = 8
MOST_ID_CELLS = 20
"""Numbers of 64 bits have as many; longer ids are cut."""


class RowTable(ScrollView, can_focus=False):
    """`cursor` is the place in the list of the line that is marked."""

    DEFAULT_CSS = """
    RowTable {
        height: 1fr;
        background: transparent;
        scrollbar-size: 1 1;
        overflow-x: hidden;
        overflow-y: scroll;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.numbers: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self.cursor = 0
        self._seen: Inspected | None = None
        self._cut: Cut | None = None

    def show(self, seen: Inspected, cut: Cut, numbers: NDArray[np.intp]) -> None:
        """List the rows of these numbers; the cursor stays on its row if that is still listed."""
        before = self.chosen
        self._seen, self._cut, self.numbers = seen, cut, numbers
        again = np.flatnonzero(numbers == before) if before is not None else numbers[:0]
        self.virtual_size = Size(self.scrollable_content_region.width, len(numbers) + 1)
        self.move_to(int(again[0]) if len(again) else 0)
        self.refresh()

    @property
    def chosen(self) -> int | None:
        """The number of the row the cursor is on; None in an empty list."""
        return int(self.numbers[self.cursor]) if len(self.numbers) else None

    def move_to(self, place: int) -> None:
        """Put the cursor on that place of the list, or the nearest there is, and bring it into view."""
        self.cursor = max(0, min(place, len(self.numbers) - 1))
        lines = max(1, self.page)
        if self.cursor < self.scroll_offset.y:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= self.scroll_offset.y + lines:
            self.scroll_to(y=self.cursor - lines + 1, animate=False)
        self.refresh()

    @property
    def page(self) -> int:
        """Rows seen at once: the first line is the heading."""
        return self.scrollable_content_region.height - 1

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._seen is None or self._cut is None:
            return Strip.blank(width, self.visual_style.rich_style)
        if y == 0:
            return self._strip(Content.styled(_heading(self._seen), MUTED), width)
        place = self.scroll_offset.y + y - 1
        if place >= len(self.numbers):
            return self._strip(Content("" if len(self.numbers) or y > 1 else "  no such row"), width)
        line = _line(self._seen, self._cut, int(self.numbers[place]), is_chosen=place == self.cursor)
        strip = self._strip(line, width)
        background = self.app.theme_variables["panel"]
        return strip.apply_style(Style(bgcolor=background)) if place == self.cursor else strip

    def _strip(self, content: Content, width: int) -> Strip:
        style = self.visual_style
        return Visual.to_strips(self, content, width, 1, style)[0].extend_cell_length(width, style.rich_style)


def _id_cells(seen: Inspected) -> int:
    return max(2, min(MOST_ID_CELLS, seen.rows.longest_id))


def _heading(seen: Inspected) -> str:
    words = ("prompt", "A", "B", "P lost", "A lost", "B lost")
    return f"  {'id':>{_id_cells(seen)}}  {'winner':<6}{'tokens':>{CELLS}}" + "".join(f"{w:>{CELLS}}" for w in words)


def _line(seen: Inspected, cut: Cut, number: int, *, is_chosen: bool) -> Content:
    rows = seen.rows
    parts, lost = cut.parts[number].tolist(), (cut.parts - cut.kept)[number].tolist()
    gone = cut.is_gone[number].tolist()
    id = shortened(printable(rows.id[number]), _id_cells(seen))
    return Content.assemble(
        ("> " if is_chosen else "  ", "bold $accent"),
        f"{id:>{_id_cells(seen)}}  {LABELS[int(rows.label[number])]:<6}",
        (f"{numbers.count(int(cut.full[number])):>{CELLS}}", "bold"),
        *(f"{numbers.count(n):>{CELLS}}" for n in parts),
        *((f"{numbers.count(n) if n else '·':>{CELLS}}", _style(n, g)) for n, g in zip(lost, gone, strict=True)),
    )


def _style(lost: int, is_gone: bool) -> str:
    return ALARM if is_gone else "" if lost else MUTED
