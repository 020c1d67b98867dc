"""How the page shows figures: in tables, on tracks drawn by the style sheet, and in the reliability diagram, an SVG.

Colours are the page's own variables, so that they follow light and dark.
"""

from collections.abc import Sequence

from msgspec import Struct

from core.report.report import Bin, Interval

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


def axis(scale: Scale, written: str = ".2f") -> str:
    """The ends of a track, to stand above it."""
    return f'<span class="axis"><span>{scale.low:{written}}</span><span>{scale.high:{written}}</span></span>'


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
        drawn.append(f'<text class="middle" x="{x(share)}" y="{bottom + 18}">{share:.0%}</text>')
        drawn.append(f'<text class="right" x="{left - 8}" y="{y(share) + 4}">{share:.0%}</text>')
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
