"""The page's plots as inline SVG. Colours are the page's own variables, so that they follow light and dark."""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from core.report.report import Bin

WIDTH = 720
NAMES = 200
"""Pixels for names on the left."""
LINE = 24
SIDE = 320
"""Pixels of the reliability diagram."""
TICKS = 5


class Dot(Struct, frozen=True):
    """A value with its interval, in a line of its own."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def dots(lines: Sequence[Dot], reference: float) -> str:
    """Values one below the other, with intervals; the vertical line is `reference`."""
    ends = [end for line in lines for end in (line.value, line.low, line.high) if end is not None]
    low, high = min(*ends, reference), max(*ends, reference)
    pad = (high - low) * 0.05 or 0.01
    low, high = low - pad, high + pad

    def x(value: float) -> float:
        return round(NAMES + (value - low) / (high - low) * (WIDTH - NAMES - 70), 1)

    height = LINE * len(lines) + 22
    drawn = [f'<line class="reference" x1="{x(reference)}" x2="{x(reference)}" y1="0" y2="{height - 20}"/>']
    for place, line in enumerate(lines):
        y = LINE * place + 14
        drawn.append(f'<text x="0" y="{y + 4}">{escape(line.name)}</text>')
        if line.low is not None and line.high is not None:
            drawn.append(f'<line class="interval" x1="{x(line.low)}" x2="{x(line.high)}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<circle class="dot" cx="{x(line.value)}" cy="{y}" r="5"/>')
        drawn.append(f'<text class="figure" x="{WIDTH}" y="{y + 4}">{line.value:.4f}</text>')
    for tick in range(TICKS):
        value = low + (high - low) * (tick + 0.5) / TICKS
        drawn.append(f'<text class="tick" x="{x(value)}" y="{height - 4}">{value:.3f}</text>')
    return _svg(WIDTH, height, drawn, "log loss by line, with intervals")


def pairs(lines: Sequence[tuple[str, float | None, float]], names: tuple[str, str]) -> str:
    """Two shares a line, people's and the model's, from 0 to 100 %."""

    def x(value: float) -> float:
        return round(NAMES + value * (WIDTH - NAMES - 70), 1)

    height = LINE * (len(lines) + 1) + 22
    drawn = [
        f'<circle class="people" cx="{NAMES}" cy="8" r="5"/><text x="{NAMES + 10}" y="12">{names[0]}</text>',
        f'<circle class="dot" cx="{NAMES + 90}" cy="8" r="5"/><text x="{NAMES + 100}" y="12">{names[1]}</text>',
        f'<line class="reference" x1="{x(0.5)}" x2="{x(0.5)}" y1="{LINE}" y2="{height - 20}"/>',
    ]
    for place, (name, people, model) in enumerate(lines, 1):
        y = LINE * place + 14
        drawn.append(f'<text x="0" y="{y + 4}">{escape(name)}</text>')
        if people is not None:
            drawn.append(f'<line class="interval" x1="{x(people)}" x2="{x(model)}" y1="{y}" y2="{y}"/>')
            drawn.append(f'<circle class="people" cx="{x(people)}" cy="{y}" r="5"/>')
        drawn.append(f'<circle class="dot" cx="{x(model)}" cy="{y}" r="5"/>')
    drawn += [
        f'<text class="tick" x="{x(share)}" y="{height - 4}">{share:.0%}</text>' for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    return _svg(WIDTH, height, drawn, "share of A by length, people and model")


def reliability(bins: Sequence[Bin]) -> str:
    """Accuracy over confidence, both from 0 to 1; the area of a point is its rows."""
    most = max(bin.rows for bin in bins)

    def at(value: float) -> float:
        return round(46 + value * (SIDE - 60), 1)

    bottom = SIDE - 30
    drawn = [f'<line class="reference" x1="{at(0)}" y1="{bottom}" x2="{at(1)}" y2="{bottom - (SIDE - 60)}"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        drawn.append(f'<text class="tick" x="{at(share)}" y="{SIDE - 12}">{share:.0%}</text>')
        drawn.append(f'<text class="figure" x="40" y="{bottom - share * (SIDE - 60) + 4:.1f}">{share:.0%}</text>')
    for bin in bins:
        y = round(bottom - bin.accuracy * (SIDE - 60), 1)
        radius = round(2 + 12 * (bin.rows / most) ** 0.5, 1)
        said = f"{bin.rows:,} rows, confidence {bin.confidence:.1%}, accuracy {bin.accuracy:.1%}"
        drawn.append(
            f'<circle class="dot faint" cx="{at(bin.confidence)}" cy="{y}" r="{radius}"><title>{said}</title></circle>'
        )
    drawn.append(f'<text class="tick" x="{SIDE / 2}" y="{SIDE}">confidence, and accuracy upwards</text>')
    return _svg(SIDE, SIDE + 4, drawn, "accuracy over confidence")


def _svg(width: int, height: int, drawn: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{label}">'
        f"{''.join(drawn)}</svg>"
    )
