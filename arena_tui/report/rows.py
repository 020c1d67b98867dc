"""The rows that a report lists: one list at a time, a line a row. Told what to show."""

from collections.abc import Sequence
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED, OUTCOME_COLOURS, percent
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from arena_tui.report.wording import shares, titled, winner
from arena_tui.screen.console_screen import PLAIN
from arena_tui.screen.keymap import hint
from arena_tui.widgets.menu import Menu
from core.outcomes import A_B_TIE, outcomes_of
from core.report.report import ListedRow, Report

BAR = 10
"""Cells of a row's probabilities."""
LEAST_ID = 5
"""Cells of an id that has no room: both its ends."""
LEAST_BESIDE = 10
"""Cells of what is told beside the figures."""
FILLS, PLAIN_FILLS = "███", "Aa."
"""What the stretches of A, B and tie are made of: told apart by their colours, and where there are none."""


class RowMenu(Menu, can_focus=False):
    DEFAULT_CSS = """
    RowMenu {
        border: none;
        & > .option-list--option-highlighted { background: $panel; text-style: bold; }
    }
    """


class ReportRows(Vertical):
    HELP = (
        "Rows of the evaluation: who won, the row's log loss, the model's probabilities of the outcomes in percent, "
        "and those with A and B swapped, where both were scored. Worst are the most certain mistakes. Likely "
        "mislabelled are rows whose text contradicts their label, and rows where the model is certain of another "
        "outcome; the model may be the one that is wrong. By chance is how many a perfectly calibrated model would "
        "list though every label is right: only what exceeds it is evidence."
    )
    DEFAULT_CSS = """
    ReportRows {
        border: round $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground 60%;
        & > Static { height: 1; padding: 0 1; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._report: Report | None = None
        self.titles: list[str] = []
        """Of the lists that there are."""
        self._at = 0

    def compose(self) -> ComposeResult:
        yield Static(markup=False)
        yield RowMenu("no such row", id="listed")

    def load(self, report: Report) -> None:
        """Show the first list of this report."""
        self._report, self.titles, self._at = report, list(titled(report)), 0
        self.turn(0)

    @property
    def title(self) -> str:
        """Of the list that is shown."""
        return self.titles[self._at]

    @property
    def listed(self) -> list[ListedRow]:
        """The rows of the list that is shown."""
        return titled(self._report)[self.title] if self._report and self.titles else []

    @property
    def chosen(self) -> ListedRow | None:
        place = self._menu.highlighted
        return self.listed[place] if place is not None and place < len(self.listed) else None

    def turn(self, direction: int) -> None:
        """To the next list, or the one before."""
        if not self.titles:
            return
        self._at = (self._at + direction) % len(self.titles)
        rows = self.listed
        self.border_title = Content(f"rows: {self.title}")
        self.border_subtitle = Content.assemble(
            f"{numbers.count(len(rows))} listed", hint(self, "list(1)", " · {}: "), self._following
        )
        self._draw_heading()
        self._menu.show([(f"{self._at}-{n}", partial(_line, row, rows, fills(self))) for n, row in enumerate(rows)])

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_heading)

    def _draw_heading(self) -> None:
        rows = self.listed
        initials = (
            " ".join(f"{name:>4}" for name in outcomes_of(self._report.outcomes).initials) if self._report else ""
        )
        ids, bar = _fitting(rows, self._menu.line_width)
        swapped = "  swapped       " if any(row.swapped for row in rows) else ""
        heading = f"{'id':>{ids}}  {'won':<4}{'loss':>6}  {'':{bar}}  {initials}{swapped}"
        self.query_one(Static).update(Content.styled(heading, MUTED))

    def move(self, lines: int) -> None:
        """Move the cursor, as far as the list goes."""
        if self.listed:
            at = self._menu.highlighted or 0
            self._menu.highlighted = max(0, min(len(self.listed) - 1, at + lines))

    def move_to(self, row: ListedRow) -> None:
        """Put the cursor on a row of this list."""
        self._menu.highlighted = self.listed.index(row)

    @property
    def _menu(self) -> RowMenu:
        return self.query_one(RowMenu)

    @property
    def _following(self) -> str:
        return self.titles[(self._at + 1) % len(self.titles)]


def fills(node: DOMNode) -> str:
    """What the bars of A, B and tie are made of on this terminal."""
    return PLAIN_FILLS if node.app.has_class(PLAIN) else FILLS


def _fitting(rows: Sequence[ListedRow], width: int) -> tuple[int, int]:
    """Cells of the id and of the bar: in less than `width` the bar, then the id leave room for the figures."""
    ids = max((len(str(row.id)) for row in rows), default=2)
    shares = max((5 * len(row.probabilities) + 1 for row in rows), default=0)
    figures = 14 + shares * (2 if any(row.swapped for row in rows) else 1)
    bar = max(0, min(BAR, width - ids - figures))
    return max(min(ids, LEAST_ID), min(ids, width - bar - figures)), bar


def _line(row: ListedRow, rows: Sequence[ListedRow], filled: str, width: int) -> Content:
    ids, bar = _fitting(rows, width)
    swapped = f"  {shares(row.swapped)}" if row.swapped else ""
    beside = row.remark or ("" if row.models is None else " : ".join(map(printable, row.models)))
    line = Content.assemble(
        f"{abridged(str(row.id), ids):>{ids}}  {winner(row.label):<4}",
        (f"{row.loss:>6.2f}", "bold"),
        "  ",
        *probability_bar(row.probabilities, bar, filled),
        f"  {shares(row.probabilities)}",
        (swapped, MUTED),
    )
    room = width - line.cell_length - 2
    if not beside or room < LEAST_BESIDE:
        return line
    told = Content.styled(beside, "$text-warning" if row.remark else MUTED)
    return Content.assemble(line, "  ", told.truncate(room, ellipsis=True))


def probability_bar(probabilities: Sequence[float], cells: int, filled_with: str) -> list[tuple[str, str]]:
    """The outcomes as stretches of one bar; the largest remainder gets what rounding leaves."""
    exact = [p * cells for p in probabilities]
    filled = [int(e) for e in exact]
    for place in sorted(range(len(exact)), key=lambda n: filled[n] - exact[n])[: cells - sum(filled)]:
        filled[place] += 1
    return [(fill * n, colour) for fill, n, colour in zip(filled_with, filled, OUTCOME_COLOURS, strict=False)]


def predicted(row: ListedRow, filled: str) -> Content:
    """What the model gave a row, in a line for each order, and who won."""
    bar = Content.assemble(*probability_bar(row.probabilities, BAR, filled))
    lines = [Content.assemble(bar, "  ", _given(row.probabilities))]
    if row.swapped:
        lines.append(Content.assemble((f"{'swapped':<{BAR}}  ", MUTED), _given(row.swapped)))
    outcome = (f"won: {winner(row.label)}  loss {row.loss:.2f}", "bold")
    lines.append(Content.assemble(outcome, (f"   {row.remark}" if row.remark else "", "$text-warning")))
    return Content("\n").join(lines)


def _given(probabilities: Sequence[float]) -> Content:
    shares = zip(A_B_TIE.initials, probabilities, OUTCOME_COLOURS, strict=False)
    return Content("  ").join(Content.styled(f"{name} {percent(p)}", colour) for name, p, colour in shares)
