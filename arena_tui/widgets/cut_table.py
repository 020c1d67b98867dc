"""What is cut by several limits, strategies or groups of rows, a line each. Pure text, no widget."""

from collections.abc import Mapping

from textual.content import Content

from arena_tui import figures
from arena_tui.marks import MUTED
from arena_tui.widgets.cut_summary import ALARM
from core.inspect.cuts import CutFigures

HEADINGS = ("over", "lost", "A cut", "A gone", "B cut", "B gone")
NAME_CELLS = 15
CELLS = 7


def cut_table(rows: Mapping[str, CutFigures | None], chosen: str | None) -> Content:
    """Rows over the limit, the share of tokens lost, rows by what is cut of each answer; the chosen line is marked.

    None stands for a setting that leaves no room for text.
    """
    heading = " " * NAME_CELLS + "".join(f"{word:>{CELLS}}" for word in HEADINGS)
    lines = [Content.styled(heading, MUTED)]
    for name, found in rows.items():
        mark, style = ("> ", "bold $accent") if name == chosen else ("  ", "")
        lines.append(
            Content.assemble((f"{mark + name:<{NAME_CELLS}}", style), *(_cells(found) if found else [_NO_ROOM]))
        )
    return Content("\n").join(lines)


def _cells(found: CutFigures) -> list[tuple[str, str]]:
    texts = (
        figures.count(found.rows_over),
        figures.share(found.tokens_lost, found.tokens_lost + found.tokens_shown),
        figures.count(found.response_a_cut),
        figures.count(found.response_a_lost),
        figures.count(found.response_b_cut),
    )
    gone = figures.share(found.response_b_lost, found.rows)
    alarm = ALARM if found.response_b_lost else ""
    return [*((f"{text:>{CELLS}}", "") for text in texts), (f"{gone:>{CELLS}}", alarm)]


_NO_ROOM = ("  leaves no room for text", MUTED)
