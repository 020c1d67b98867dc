"""A list of rows, drawn line by line as far as it is seen, so that it may be of any length. So is their text read."""

from contextlib import suppress
from functools import partial

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from rich.style import Style
from textual import work
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from arena_tui.children.child import in_thread
from arena_tui.dataset.cuts import ALARM
from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from arena_tui.rows.view import Inspected
from core.inspect.cuts import Cut
from core.inspect.lookup import read_prompts

HEADINGS = ("tokens", "prompt", "A", "B", "P lost", "A lost", "B lost")
PARTS_OF_ROW = slice(1, 4)
MOST_ID, LEAST_ID = 20, 5
"""Cells of an id: numbers of 64 bits have at most as many; and where it has no room, both its ends."""
LEAST_OF_A_PROMPT = 16
"""Cells below which its beginning tells nothing."""
MOST_OF_A_PROMPT = 300
"""Characters of it that are read."""


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
        self._columns = Columns(0, ())
        self._prompts: dict[int, str] = {}
        """How the prompts of the rows in sight begin, as far as they have been read."""

    def show(self, seen: Inspected, cut: Cut, numbers: NDArray[np.intp]) -> None:
        """List the rows of these numbers; the cursor stays on its row if that is still listed."""
        before = self.chosen
        if self._seen is None or self._seen.source != seen.source:
            self._prompts = {}
        self._seen, self._cut, self.numbers = seen, cut, numbers
        self._columns = _fitting(seen, cut, self.scrollable_content_region.width)
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
        self.read_prompts()

    @work(exclusive=True, description="how the prompts in sight begin")
    async def read_prompts(self) -> None:
        """Read those of the rows in sight, where there is room for them."""
        seen, first = self._seen, self.scroll_offset.y
        in_sight = self.numbers[first : first + max(1, self.page)].tolist()
        if seen is None or seen.source is None or not self._columns.has_room(self.scrollable_content_region.width):
            return
        missing = [number for number in in_sight if number not in self._prompts]
        with suppress(OSError):  # it is told where a row is opened
            found = await in_thread(partial(read_prompts, seen.source, missing, MOST_OF_A_PROMPT)) if missing else {}
            known = self._prompts | found
            self._prompts = {number: known[number] for number in in_sight}
            self.refresh()

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        self.read_prompts()

    @property
    def page(self) -> int:
        """Rows seen at once: the first line is the heading."""
        return self.scrollable_content_region.height - 1

    def on_resize(self) -> None:
        if self._seen and self._cut:
            self._columns = _fitting(self._seen, self._cut, self.scrollable_content_region.width)
        self.move_to(self.cursor)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._seen is None or self._cut is None:
            return Strip.blank(width, self.visual_style.rich_style)
        if y == 0:
            heading = _heading(self._columns) + ("  prompt begins" if self._columns.has_room(width) else "")
            return self._strip(Content.styled(heading, MUTED), width)
        place = self.scroll_offset.y + y - 1
        if place >= len(self.numbers):
            return self._strip(Content("" if len(self.numbers) or y > 1 else "  no such row"), width)
        number = int(self.numbers[place])
        line = _line(self._seen, self._cut, number, self._columns, is_chosen=place == self.cursor)
        if self._columns.has_room(width):
            line += Content(f"  {printable(' '.join(self._prompts.get(number, '').split()))}")
        strip = self._strip(line, width)
        background = self.app.theme_variables["panel"]
        return strip.apply_style(Style(bgcolor=background)) if place == self.cursor else strip

    def _strip(self, content: Content, width: int) -> Strip:
        style = self.visual_style
        return Visual.to_strips(self, content, width, 1, style)[0].extend_cell_length(width, style.rich_style)


class Columns(Struct, frozen=True):
    """Cells of the id, and of each figure with the gap before it; 0 where there is no room for the figure."""

    id: int
    figures: tuple[int, ...]

    def has_room(self, width: int) -> bool:
        """Whether a line of `width` cells has room for the beginning of a prompt."""
        return width - len(_heading(self)) - 2 >= LEAST_OF_A_PROMPT


def _fitting(seen: Inspected, cut: Cut, width: int) -> Columns:
    """As wide as what stands in them. In less than `width` cells the id is abridged, then the lengths of the parts are
    left out: what of them is lost is not."""
    most = (cut.full.max(initial=0), *cut.parts.max(axis=0, initial=0), *(cut.parts - cut.kept).max(axis=0, initial=0))
    cells = [max(len(word), len(numbers.count(int(n)))) for word, n in zip(HEADINGS, most, strict=True)]
    ids = max(2, min(MOST_ID, seen.rows.longest_id))
    room = width - len("> ") - len("  A wins")
    gap = 2 if ids + sum(cells) + 2 * len(cells) <= room else 1
    figures = [gap + n for n in cells]
    if LEAST_ID + sum(figures) > room:
        figures[PARTS_OF_ROW] = [0, 0, 0]
    return Columns(min(ids, max(LEAST_ID, room - sum(figures))), tuple(figures))


def _heading(columns: Columns) -> str:
    words = (f"{word:>{cells}}" for word, cells in zip(HEADINGS, columns.figures, strict=True) if cells)
    return f"  {'id':>{columns.id}}  {'winner':<6}{''.join(words)}"


def _line(seen: Inspected, cut: Cut, number: int, columns: Columns, *, is_chosen: bool) -> Content:
    rows, winner = seen.rows, seen.outcomes.labels[int(seen.rows.label[number])]
    parts, kept = cut.parts[number].tolist(), cut.kept[number].tolist()  # of this row alone: a line is drawn often
    figures = [
        (numbers.count(int(cut.full[number])), "bold"),
        *((numbers.count(n), "") for n in parts),
        *((numbers.count(n - k) if n - k else "·", _style(n, k)) for n, k in zip(parts, kept, strict=True)),
    ]
    return Content.assemble(
        ("> " if is_chosen else "  ", "bold $accent"),
        f"{abridged(printable(rows.id[number]), columns.id):>{columns.id}}  {winner:<6}",
        *((f"{text:>{cells}}", style) for (text, style), cells in zip(figures, columns.figures, strict=True) if cells),
    )


def _style(tokens: int, kept: int) -> str:
    return MUTED if kept == tokens else "" if kept else ALARM
