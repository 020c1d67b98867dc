"""A plot of a run's history without its pointer and keyboard tricks: curves, gaps, marks, a reference line."""

from collections.abc import Sequence
from typing import ClassVar

from textual_plot import HiResMode, PlotWidget

from arena_tui.series import Gappy, Point, limits, segments, thinned

DOTS_FROM = 200
"""A line through fewer points than this is still easy to follow."""


class Plot(PlotWidget, can_focus=False, inherit_bindings=False):
    COMPONENT_CLASSES: ClassVar[set[str]] = {"plot--raw", "plot--curve", "plot--mark", "plot--reference"}

    DEFAULT_CSS = """
    Plot {
        height: 1fr;
        & > .plot--axis { color: $foreground 35%; }
        & > .plot--tick { color: $foreground 60%; text-style: none; }
        & > .plot--raw { color: $foreground 45%; }
        & > .plot--curve { color: $accent; }
        & > .plot--mark { color: $warning; text-style: bold; }
        & > .plot--reference { color: $foreground 60%; }
    }
    """

    def __init__(self) -> None:
        super().__init__(allow_pan_and_zoom=False)
        self._high = 0.0
        self._low = 0.0

    def on_mount(self) -> None:
        super().on_mount()
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, 9

    @property
    def most_x_ticks(self) -> int:
        return max(1, (self.size.width - self.margin_left) // 10)

    @property
    def most_y_ticks(self) -> int:
        return max(1, (self.size.height - 3) // 2)

    def begin(self, x_end: float, values: Sequence[float], always: Sequence[float] = ()) -> int:
        """Clear, and set the limits for `values`; returns how many of them lie above the upper one."""
        self.clear()
        self._low, self._high = limits(values, always)
        self.set_xlimits(0.0, (x_end or 1.0) * (1 + 1 / max(1, self.size.width)))  # not on the frame
        self.set_ylimits(self._low, self._high)
        return sum(value > self._high for value in values)

    def raw(self, points: Sequence[Gappy]) -> None:
        """Single readings: dots, or a line while they are few."""
        if len(points) < DOTS_FROM:
            self._lines(points, "plot--raw")
            return
        kept = [p for s in segments(thinned(points, self._most)) for p in s if p[1] <= self._high]
        self._points(kept, "plot--raw", None)
        self._mark_outside(points)

    def curve(self, points: Sequence[Gappy]) -> None:
        self._lines(points, "plot--curve")

    def marks(self, points: Sequence[Point], character: str, style: str = "plot--mark") -> None:
        """One character at each point."""
        self._points(points, style, character)

    def marks_at_bottom(self, xs: Sequence[float], character: str) -> None:
        """Marks below everything, for points that have no value."""
        self._points([(x, self._low) for x in xs], "plot--mark", character)

    def reference(self, y: float, x_end: float) -> None:
        """A dashed line at `y`, in the same fine dots as the curves, so that it lies exactly beside them."""
        dots = 2 * max(1, self.size.width - self.margin_left)
        self._points([(x_end * i / dots, y) for i in range(dots) if i % 4 < 2], "plot--reference", None)

    @property
    def _most(self) -> int:
        return 8 * max(20, self.size.width)

    def _lines(self, points: Sequence[Gappy], style: str) -> None:
        for segment in segments(thinned(points, self._most)):
            xs = [x for x, _ in segment]
            ys = [min(y, self._high) for _, y in segment]
            if len(segment) == 1:
                self.scatter(xs, ys, "•", self._style(style))
            else:
                self.plot(xs, ys, self._style(style), HiResMode.BRAILLE)
        self._mark_outside(points)

    def _mark_outside(self, points: Sequence[Gappy]) -> None:
        top = self._high - (self._high - self._low) / max(1, self.size.height)  # inside the frame
        outside = [(x, top) for x, y in points if y is not None and y > self._high]
        self._points(outside, "plot--mark", "▲")

    def _points(self, points: Sequence[Point], style: str, character: str | None) -> None:
        if not points:
            return
        mode = None if character else HiResMode.BRAILLE
        self.scatter(
            [x for x, _ in points], [y for _, y in points], character or "", self._style(style), hires_mode=mode
        )

    def _style(self, component: str) -> str:
        return str(self.get_component_rich_style(component))
