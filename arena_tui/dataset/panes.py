"""The panes below the limit: tables of other limits and strategies, groups of rows, hygiene, and single rows."""

import asyncio
from collections.abc import Sequence
from functools import partial

from textual import work
from textual.content import Content

from arena_tui.dataset.cuts import cut_table
from arena_tui.dataset.row_pane import RowPane
from arena_tui.dataset.text import NO_LEAK, leaks, mend
from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable, printable_lines
from arena_tui.rows.view import Inspected, Outlook, by_group, by_limit, by_strategy
from arena_tui.screen.keymap import hint
from arena_tui.widgets.facts import hanging
from arena_tui.widgets.pane import TextPane
from arena_tui.widgets.turning_panes import Layout, TurningPanes
from core.profile.edit import literal
from core.profile.settings import Profile

LABEL_CELLS = 26
COUNT_CELLS = 8
SHARE_CELLS = 8
SPREAD_CELLS = 14
"""Cells of a share with its error."""

Line = tuple[str, int, int, str]
"""Label, rows, of so many, and a remark."""


def hygiene_text(seen: Inspected, profile: Profile, way_out: str, width: int) -> Content:
    """A line a fact; what spoils a result stands out. `way_out` tells how prompts are kept on one side."""
    n = len(seen.rows)
    lines = [_line(seen, line) for line in _facts(seen, n)]
    settled = Content(hanging(" ", printable(str(seen.settled)), width))
    text = _text(seen, width)
    return Content("\n").join([_leak(seen, profile, way_out, width), settled, *lines, *text])


def _text(seen: Inspected, width: int) -> Sequence[Content]:
    """How the rows' text is made, and the whole of it."""
    if seen.text is None:
        return []
    written = (Content.styled(hanging("   ", line, width), MUTED) for line in printable_lines(seen.text.written))
    return [Content(hanging("  text:", printable(str(seen.text)), width)), *written]


def _leak(seen: Inspected, profile: Profile, way_out: str, width: int) -> Content:
    if not profile.evaluates:
        return Content("  nothing is evaluated: all rows are trained on")
    if profile.data.eval is not None and seen.is_sample:
        return Content("  the rows of data.eval are not read yet")
    if not (told := leaks(seen.hygiene, int(seen.sides.eval.sum()), profile)):
        return Content(f"  {NO_LEAK[profile.data.eval is not None]}")
    if mend(profile) is None and profile.data.eval is not None:  # they are left out
        return Content(f"  {told}")
    return Content.styled(hanging("!", f"{told}{way_out}", width), "bold $text-warning")


def _facts(seen: Inspected, n: int) -> Sequence[Line]:
    found = seen.hygiene
    return [
        *((name, rows, n, "") for name, rows in found.classes.items()),
        ("the longer answer wins", found.longer_answer_wins, found.longer_answer_decided, "of decided rows"),
        ("identical answers", found.identical_answers, n, f"{found.identical_answers_with_winner:,} with a winner"),
        ("an empty answer", found.with_empty_answer, n, ""),
        ("duplicate prompts", found.duplicate_prompts, n, f"{found.prompts_on_both_sides:,} on both sides"),
        ("several turns", found.with_several_turns, n, ""),
        ("null turns", found.with_nulls, n, f"{found.null_turns:,} turns"),
        ("lone surrogates replaced", found.with_replaced_surrogates, n, ""),
        ("control characters", found.with_control_characters, n, ""),
    ]


def _line(seen: Inspected, line: Line) -> Content:
    label, rows, of, remark = line
    spread = f" ±{100 * seen.margin(rows):.1f}" if seen.is_sample else ""
    cells = SPREAD_CELLS if seen.is_sample else SHARE_CELLS
    return Content.assemble(
        (f"  {label:<{LABEL_CELLS}}", MUTED),
        (f"{numbers.count(rows):>{COUNT_CELLS}}", "bold"),
        f"  {numbers.share(rows, of):>6}{spread:<{cells - 6}}",
        (remark, MUTED),
    )


SECONDS_UNTIL_TABLES = 0.15
"""The tables follow once the limit has stood still for so long: they take a quarter of a second."""


class DataPanes(TurningPanes):
    """Below the two tables rows, groups and hygiene take turns, or all are seen."""

    PANES = ("rows", "limits", "strategies", "groups", "hygiene")
    LAYOUTS = (
        Layout("-large", 180, 50, ("limits", "strategies", "groups", "hygiene")),
        Layout("-wide", 118, 32, ("limits", "strategies")),
    )

    DEFAULT_CSS = """
    DataPanes {
        &.-large #panes { grid-size: 3 2; grid-rows: 10 1fr; }
        &.-large #rows { column-span: 2; }
        &.-wide #panes { grid-size: 2 2; grid-rows: 10 1fr; }
        &.-wide #panes > .-current { column-span: 2; }
    }
    """

    def __init__(self) -> None:
        super().__init__(
            TextPane("limits", id="limits"),
            TextPane("strategies", id="strategies"),
            TextPane("by winner and split", id="groups"),
            RowPane(id="rows"),
            TextPane("hygiene", id="hygiene"),
        )

    def to_rows(self) -> RowPane:
        """Bring the rows to the front."""
        self.choose("rows")
        return self.query_one(RowPane)

    # Without a description, Textual writes one from the arguments: 20 ms for these.
    @work(exclusive=True, description="the tables follow")
    async def show(self, seen: Inspected, profile: Profile, chosen: Outlook) -> None:
        """Bring everything to the chosen limit and strategy, once these have stood still for a moment."""
        await asyncio.sleep(SECONDS_UNTIL_TABLES)
        if not self.screen.display:  # it is being left
            return
        tokens = chosen.tokens
        self.query_one(RowPane).show(seen, chosen.cut)
        limits = await asyncio.to_thread(by_limit, seen, tokens)
        strategies = await asyncio.to_thread(by_strategy, seen, tokens)
        groups = await asyncio.to_thread(by_group, seen, chosen.cut)
        if not self.screen.display:
            return
        beside = f"first {numbers.count(len(seen.rows))} rows" if seen.is_sample else ""
        named = {numbers.count(limit): found for limit, found in limits.items()}
        self._pane("limits").show(partial(cut_table, named, numbers.count(tokens.max_length)), beside)
        self._pane("strategies").show(partial(cut_table, strategies, tokens.truncation), beside)
        self._pane("groups").show(partial(cut_table, groups, None), beside)
        mended = mend(profile)
        way_out = hint(self, "split", f"; {{}} sets {mended[0]} = {literal(mended[1])}").plain if mended else ""
        self._pane("hygiene").show(partial(hygiene_text, seen, profile, way_out), beside)

    def move(self, lines: int) -> None:
        """Move the cursor among the rows, or scroll the pane in front."""
        if self.current == "rows":
            table = self.query_one(RowPane).table
            table.move_to(table.cursor + lines)
        else:
            self._pane(self.current).scroll_relative(y=lines, animate=False)

    def _pane(self, name: str) -> TextPane:
        return self.query_one(f"#{name}", TextPane)
