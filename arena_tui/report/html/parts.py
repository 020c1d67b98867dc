"""The parts of the page: a row in full, the plots as tracks and curves, and how all of it looks."""

from collections.abc import Callable, Sequence
from html import escape

from msgspec import Struct

from arena_tui.format import numbers
from arena_tui.format.numbers import percent
from arena_tui.format.sanitize import printable, printable_lines
from arena_tui.report.view import SeenReport
from arena_tui.report.wording import winner
from arena_tui.rows.text import MOST_DRAWN, ShownRow
from core.outcomes import A_B_TIE
from core.report.report import Bin, Interval, ListedRow

STYLE = """
:root { color-scheme: light dark; --text: #1d2422; --muted: #5b6663; --paper: #fff; --line: #d5dcd9;
  --accent: #0b7a5c; --a: #0b66a3; --b: #a35a00; --tie: #8a9491; --warning: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --text: #d6dbd9; --muted: #93a09b; --paper: #101413; --line: #2c3532;
  --accent: #2fb892; --a: #56b4e9; --b: #e69f00; --tie: #7b8783; --warning: #e6c34a; } }
body { margin: 0; background: var(--paper); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h2 { margin-top: 2rem; border-bottom: 1px solid var(--line); }
.score { font-size: 3rem; font-weight: 600; color: var(--accent); margin: 0; }
.caution { color: var(--warning); overflow-wrap: anywhere; } small { color: var(--muted); }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, .words { text-align: left; } th { font-weight: 500; color: var(--muted); }
td.words { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; } td.words:last-child { min-width: 15rem; }
th[colspan] { color: var(--text); font-weight: 600; padding-top: .7rem; }
.heat { background: color-mix(in srgb, var(--accent) calc(var(--heat) * .6), transparent); }
.few { opacity: .6; }
.track, .axis { display: flex; position: relative; width: 220px; justify-content: space-between; }
.track { height: 14px; } .track i { position: absolute; top: 7px; }
.track .reference { border-left: 1px dashed var(--muted); top: -6px; height: 26px; }
.track .interval { border-top: 3px solid var(--tie); margin-top: -1.5px; }
.track .dot { width: 10px; height: 10px; margin: -5px; border-radius: 50%; background: var(--accent); }
.track .people { background: var(--text); }
.track .beyond { background: none; border: 2px solid var(--accent); width: 6px; height: 6px; }
b.dot { color: var(--accent); } b.people { color: var(--text); }
.beside { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: center; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--muted); font-size: 12px; }
svg .middle { text-anchor: middle; } svg .right { text-anchor: end; }
svg line { stroke: var(--muted); stroke-dasharray: 4 3; } svg circle { fill: var(--accent); fill-opacity: .6; }
.row { margin: 1.2rem 0; } summary { cursor: pointer; } .id { font-variant-numeric: tabular-nums; font-weight: 600; }
.bar { display: inline-flex; width: 90px; height: .7em; vertical-align: baseline; } .bar i { height: 100%; }
.bar .a { background: var(--a); } .bar .b { background: var(--b); } .bar .tie { background: var(--tie); }
.parts { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; } .part-0 { grid-column: span 2; }
.parts h4 { margin: .3rem 0; } .part-1 h4 { color: var(--a); } .part-2 h4 { color: var(--b); }
.parts section { min-width: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: .5rem; margin: 0;
  max-height: 30rem; overflow-y: auto; }
del { opacity: .55; }
@media (max-width: 640px) { .parts { display: block; } th, td { padding: .15rem .4rem; } th { white-space: normal; }
  .track, .axis { width: 110px; } table { font-size: 13px; } }
@media print { main { max-width: none; } h2 { break-after: avoid; } table, svg { break-inside: avoid; }
  .table { overflow: visible; } pre { max-height: none; } }
"""

NAMES = ("prompt", "A", "B")
CLASSES = ("a", "b", "tie")


def row_in_full(seen: SeenReport, row: ListedRow) -> str:
    """One row; what is known of it without its text stands in its first line."""
    swapped = f" · swapped {_bar(row.swapped)}" if row.swapped else ""
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


def _bar(probabilities: Sequence[float]) -> str:
    stretches = "".join(
        f'<i class="{kind}" style="width: {100 * p:.1f}%"></i>' for kind, p in zip(CLASSES, probabilities, strict=False)
    )
    told = ", ".join(f"{name} {percent(p)}" for name, p in zip(A_B_TIE.initials, probabilities, strict=False))
    return f'<span class="bar">{stretches}</span> {told}'


def _part(row: ShownRow, part: int, model: str) -> str:
    """One part; of a very long stretch, both ends."""
    drawn = []
    for first, last, is_kept in row.stretches(part):
        written = _text(row, part, first, last)
        drawn.append(written if is_kept else f"<del>{written}</del>")
    name = f"{NAMES[part]} · {escape(printable(model))}" if model else NAMES[part]
    kept, of = row.counts(part)
    size = f"<small>{numbers.count(of)} tokens</small>"
    if kept < of:
        shown = numbers.count(kept) if kept else "! nothing"
        size = f'<small class="caution">{shown} of {numbers.count(of)} tokens shown</small>'
    # A parser drops the first line end in <pre>: the text may begin with one.
    return f'<section class="part-{part}"><h4>{name} {size}</h4><pre>\n{"".join(drawn)}</pre></section>'


def _text(row: ShownRow, part: int, first: int, last: int) -> str:
    half = MOST_DRAWN // 2
    if last - first > MOST_DRAWN:
        left_out = f"<em>… {numbers.count(last - first - 2 * half)} tokens are not shown here …</em>"
        return _text(row, part, first, first + half) + left_out + _text(row, part, last - half, last)
    return escape("\n".join(printable_lines(row.text(part, first, last))))


Cells = Sequence[str]
"""Of a table's row: HTML already."""
SIDE = 320
"""Pixels of the reliability diagram."""


class Scale(Struct, frozen=True):
    """What both ends of a track stand for."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Where `value` stands between them, at an end if it is beyond it."""
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 2)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def scale_of(values: Sequence[float]) -> Scale:
    """One on which all of `values` have room."""
    pad = (max(values) - min(values)) * 0.04 or 0.01
    return Scale(min(values) - pad, max(values) + pad)


def axis(scale: Scale, written: Callable[[float], str] = "{:.2f}".format) -> str:
    """The ends of a track, to stand above it."""
    return f'<span class="axis"><span>{written(scale.low)}</span><span>{written(scale.high)}</span></span>'


def track(scale: Scale, reference: float, interval: Interval) -> str:
    """A value with its interval, if it has one; the thin line is `reference`. A value beyond the scale is hollow."""
    drawn = ""
    if interval.low is not None and interval.high is not None:
        drawn = _between(scale, interval.low, interval.high)
    kind = "dot" if scale.holds(interval.value) else "dot beyond"
    return _track(scale, reference, drawn + _dot(scale, kind, interval.value))


def pair(scale: Scale, reference: float, people: float, model: float) -> str:
    """People's value and the model's, and the way between them."""
    between = _between(scale, min(people, model), max(people, model))
    return _track(scale, reference, between + _dot(scale, "dot people", people) + _dot(scale, "dot", model))


def reliability(bins: Sequence[Bin]) -> str:
    """Accuracy over confidence, both from 0 to 1; the area of a point is its rows."""
    most = max(bin.rows for bin in bins)
    left, bottom, length = 46, SIDE - 40, SIDE - 66

    def x(value: float) -> float:
        return round(left + value * length, 1)

    def y(value: float) -> float:
        return round(bottom - value * length, 1)

    drawn = [f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        drawn.append(f'<text class="middle" x="{x(share)}" y="{bottom + 18}">{percent(share)}</text>')
        drawn.append(f'<text class="right" x="{left - 8}" y="{y(share) + 4}">{percent(share)}</text>')
    for bin in bins:
        radius = round(2 + 12 * (bin.rows / most) ** 0.5, 1)
        drawn.append(f'<circle cx="{x(bin.confidence)}" cy="{y(bin.accuracy)}" r="{radius}"/>')
    drawn.append(f'<text x="{left}" y="12">accuracy</text>')
    drawn.append(f'<text class="right" x="{x(1)}" y="{bottom + 36}">confidence</text>')
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}" role="img" '
        f'aria-label="accuracy over confidence">{"".join(drawn)}</svg>'
    )


def _track(scale: Scale, reference: float, drawn: str) -> str:
    line = f'<i class="reference" style="left: {scale.percent(reference)}%"></i>' if scale.holds(reference) else ""
    return f'<span class="track">{line}{drawn}</span>'


def _between(scale: Scale, low: float, high: float) -> str:
    left, right = scale.percent(low), scale.percent(high)
    return f'<i class="interval" style="left: {left}%; width: {round(right - left, 2)}%"></i>'


def _dot(scale: Scale, kind: str, value: float) -> str:
    return f'<i class="{kind}" style="left: {scale.percent(value)}%"></i>'


def ends(interval: Interval) -> list[float]:
    return [end for end in (interval.value, interval.low, interval.high) if end is not None]


def table(head: Cells, rows: Sequence[Cells | str], words: Sequence[int] = (0,)) -> str:
    """The columns of `words` stand on the left. A row that is a word heads those below it."""
    kinds = [' class="words"' if place in words else "" for place in range(len(head))]
    lines = ["".join(f"<th{kind}>{cell}</th>" for kind, cell in zip(kinds, head, strict=True))]
    for row in rows:
        if isinstance(row, str):
            lines.append(f'<th class="words" colspan="{len(head)}">{row}</th>')
        else:
            lines.append("".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)))
    return '<div class="table"><table>' + "".join(f"<tr>{line}</tr>" for line in lines) + "</table></div>"


def text(words: str) -> str:
    """Text from outside as it may stand in a page: escaped, control and reordering characters made visible."""
    return escape(printable(words))
