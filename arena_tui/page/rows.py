"""A row of the page in full: prompt above, A and B beside each other, and what was cut of them struck out."""

from html import escape

from arena_tui import figures
from arena_tui.plain import printable, printable_lines
from arena_tui.reported import winner
from arena_tui.row_text import MOST_DRAWN, ShownRow
from arena_tui.seen_report import SeenReport
from core.data.truncation import stretches
from core.report.report import ListedRow

NAMES = ("prompt", "A", "B")
CLASSES = ("a", "b", "tie")


def row_in_full(seen: SeenReport, row: ListedRow) -> str:
    """One row; what is known of it without its text stands in its first line."""
    swapped = f" · exchanged {_bar(row.swapped)}" if row.swapped else ""
    remark = f' · <span class="caution">{escape(row.remark)}</span>' if row.remark else ""
    head = (
        f'<span class="id">{row.id}</span> won: {winner(row.label)} · loss {row.loss:.2f} · '
        f"{_bar(row.probabilities)}{swapped}{remark}"
    )
    if seen.rows is None or row.number is None:
        return f'<p class="row">{head}</p>'
    _, shown = seen.row(row.number)
    models = ("", *(row.models or ("", "")))
    parts = "".join(_part(shown, part, models[part]) for part in range(len(NAMES)))
    return f'<details class="row" open><summary>{head}</summary><div class="parts">{parts}</div></details>'


def _bar(probabilities: tuple[float, float, float]) -> str:
    stretches = "".join(
        f'<i class="{kind}" style="width: {100 * p:.1f}%"></i>' for kind, p in zip(CLASSES, probabilities, strict=True)
    )
    told = " ".join(f"{name} {100 * p:.0f}" for name, p in zip(("A", "B", "tie"), probabilities, strict=True))
    return f'<span class="bar">{stretches}</span> {told} %'


def _part(row: ShownRow, part: int, model: str) -> str:
    """One part; of a very long stretch, both ends."""
    drawn = []
    for first, last, is_kept in stretches(row.kept, row.shape, 0, part):
        written = _text(row, first, last)
        drawn.append(written if is_kept else f"<del>{written}</del>")
    name = f"{NAMES[part]} · {escape(printable(model))}" if model else NAMES[part]
    kept, of = int(row.kept.of(row.shape)[0, part]), int(row.shape.parts[0, part])
    size = f"<small>{figures.count(of)} tokens</small>"
    if kept < of:
        shown = figures.count(kept) if kept else "! nothing"
        size = f'<small class="caution">{shown} of {figures.count(of)} tokens shown</small>'
    # A parser drops the first line end in <pre>: the text may begin with one.
    return f'<section class="part-{part}"><h4>{name} {size}</h4><pre>\n{"".join(drawn)}</pre></section>'


def _text(row: ShownRow, first: int, last: int) -> str:
    half = MOST_DRAWN // 2
    if last - first > MOST_DRAWN:
        left_out = f"<em>… {figures.count(last - first - 2 * half)} tokens are not shown here …</em>"
        return _text(row, first, first + half) + left_out + _text(row, last - half, last)
    text = b"".join(row.pieces[token] for token in row.ids[first:last]).decode(errors="replace")
    return escape("\n".join(printable_lines(text)))
