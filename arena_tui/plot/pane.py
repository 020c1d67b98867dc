"""What the panes of curves share: a line of words above a plot, when both are drawn anew, and the crosshair.

The crosshair and the part of the run in sight are the screen's, the same in all panes; a pane tells where one points.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.plot.axes import Axis, Gappy, Point, Ticks, axis_ticks, position
from arena_tui.plot.curve import Curve, Window, nearest, x_limits
from arena_tui.plot.plot import Plot
from arena_tui.runs.follow import RunView
from arena_tui.runs.panes import Pane

WHEEL_FACTOR = 0.8
MOVE_KEYS = Binding.Group("Move", compact=True)
MOVE = "Move the crosshair along the curve"
SMOOTHING_KEYS = Binding.Group("Smooth", compact=True)
AXIS_KEYS = Binding.Group("Axis", compact=True)
COPY = "Copy what this pane says, or the selection"
ZOOM_KEYS = Binding.Group("Near/far", compact=True)
ZOOM = "Show less of the run in all curves, or more"

Words = list[tuple[str, str]]
"""Pieces of text with the style of each."""


class PlotPane(Pane, can_focus=True):
    """The plot's own frame is the pane's. It has the focus while the crosshair is moved in it."""

    DEFAULT_CSS = """
    PlotPane {
        border: none;
        padding: 0;
        & > .caption { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-current { border: none; }
        &.-current Plot > .plot--axis { color: $accent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Back", key_display="←", group=MOVE_KEYS, tooltip=MOVE),
        Binding("right,l", "move(1)", "On", key_display="→", group=MOVE_KEYS, tooltip=MOVE),
        Binding("home,g", "move_to(0)", "First step", show=False, tooltip=MOVE),
        Binding("end,G", "move_to(-1)", "Newest step", show=False, tooltip=MOVE),
        Binding("i", "screen.magnify(0.5)", "Nearer", group=ZOOM_KEYS, tooltip=ZOOM),
        Binding("I", "screen.magnify(2)", "Farther", group=ZOOM_KEYS, tooltip=ZOOM),
        Binding("Y", "screen.copy", "Copy", tooltip=COPY),
        Binding("escape", "point_away", "Done", key_display="esc", tooltip="Hide the crosshair"),
    ]

    most = 2
    """Points drawn in a column of dots, beside the lowest and the highest; for a line these are enough."""

    axis: var[Axis] = var(Axis.STEP)
    cursor: var[int | None] = var(None)
    window: var[Window | None] = var(None)

    @dataclass
    class Pointed(Message):
        """The user points at this logged step in a pane; None when at none any more."""

        pane: "PlotPane"
        step: int | None

    @dataclass
    class Wheeled(Message):
        """The user wants to see `factor` times as much, around this step."""

        factor: float
        step: int

    def __init__(self, curve: Curve, ticks: type[Ticks], *, id: str) -> None:
        super().__init__(id=id)
        self.curve = curve
        self.ticks = ticks
        self._words: Words = []

    def compose(self) -> ComposeResult:
        yield Static(classes="caption", markup=False)
        yield Plot()

    def follow(self, view: RunView) -> bool:
        """Take over the steps that are new; False where all of them are taken over anew."""
        return self.curve.follow(view.state, self.axis)

    @abstractmethod
    def draw(self, view: RunView, plot: Plot, x_limits: Point, points: list[Gappy]) -> None:
        """Begin the drawing and draw its layers; `points` are those of the curve that are in sight."""

    @abstractmethod
    def caption(self, view: RunView) -> Words:
        """What it is, what is wrong, how to read it."""

    @abstractmethod
    def readings(self, view: RunView, index: int) -> list[tuple[str, str]]:
        """Labels and exact figures at the step with this index."""

    def height(self, index: int) -> float | None:
        """Where the point with this index is drawn; None where it has no value."""
        return None if math.isnan(y := self.curve.ys[index]) else y

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if view and (before is None or _is_new(before, view)):
            self.redraw()

    def watch_axis(self) -> None:
        self.redraw()

    def watch_cursor(self) -> None:
        self.redraw()

    def watch_window(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw, once there is something to draw and a place for it."""
        if not (self.is_mounted and self.view and self.is_on_screen):
            return
        view, plot = self.view, self.query_one(Plot)
        if plot.columns < 2 or plot.size.height < 4:
            return
        self.follow(view)
        left, right = x_limits(self.window, self.axis, view.state, view.status.is_over)
        points = self.curve.in_sight(left, right, plot.columns, self.most)
        self.draw(view, plot, (left, right), points)
        plot.marks_at_bottom([x for x, y in points if y is None], "×")
        index = self._pointed(view)
        if index is not None:
            plot.cursor(self.curve.xs[index], self.height(index))
        plot.show(axis_ticks(self.axis, plot.most_x_ticks), self.ticks(plot.most_y_ticks))
        self._write(self._told(view) if index is None else self._read_out(view, index))

    def action_move(self, direction: int) -> None:
        """By a cell, or to the next point where they are further apart."""
        if self.view and (index := self._pointed(self.view)) is not None:
            left, right = x_limits(self.window, self.axis, self.view.state, self.view.status.is_over)
            cell = 2 * (right - left) / self.query_one(Plot).columns
            there = self.curve.nearest(self.curve.xs[index] + direction * cell)
            self._point_at(there if (there - index) * direction > 0 else index + direction)

    def action_move_to(self, index: int) -> None:
        if self.view and self.view.state.steps:
            self._point_at(index % len(self.view.state.steps))

    def action_point_away(self) -> None:
        self.post_message(self.Pointed(self, None))

    def on_mouse_down(self, event: MouseDown) -> None:
        self._point_under(event)

    def on_mouse_move(self, event: MouseMove) -> None:
        if event.button:
            self._point_under(event)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._wheel(event, 1 / WHEEL_FACTOR)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._wheel(event, WHEEL_FACTOR)

    @property
    def says(self) -> str:
        return "".join(text for text, _ in self._words[1:]).strip()

    def _point_under(self, event: MouseDown | MouseMove) -> None:
        if (step := self._step_under(event)) is not None:
            self.post_message(self.Pointed(self, step))

    def _wheel(self, event: MouseScrollDown | MouseScrollUp, factor: float) -> None:
        event.stop()
        if (step := self._step_under(event)) is not None:
            self.post_message(self.Wheeled(factor, step))

    def _step_under(self, event: MouseDown | MouseMove | MouseScrollDown | MouseScrollUp) -> int | None:
        if not (self.view and self.view.state.steps and len(self.curve.xs)):
            return None
        plot = self.query_one(Plot)
        index = self.curve.nearest(plot.x_at(event.screen_x - plot.content_region.x))
        return self.view.state.steps[min(index, len(self.view.state.steps) - 1)].step

    def _point_at(self, index: int) -> None:
        assert self.view
        steps = self.view.state.steps
        self.post_message(self.Pointed(self, steps[max(0, min(len(steps) - 1, index))].step))

    def _pointed(self, view: RunView) -> int | None:
        """Index of the step under the crosshair; of the nearest, where a resumed run no longer has that step."""
        if self.cursor is None or not view.state.steps:
            return None
        return nearest(view.state.steps, self.cursor)

    def _told(self, view: RunView) -> Words:
        title, *rest = self.caption(view)
        if self.window is None:
            return [title, *rest]
        first, last = (numbers.count(round(step)) for step in (self.window.first, self.window.last))
        return [title, (f"  steps {first} to {last}, 0 shows all", "$accent"), *rest]

    def _read_out(self, view: RunView, index: int) -> Words:
        step = view.state.steps[index]
        words = [("step ", MUTED), (numbers.count(step.step), "bold")]
        if self.axis is not Axis.STEP:
            words += [("  ", ""), (written_on(self.axis, position(self.axis, step, view.state)), "bold")]
        for label, figure in self.readings(view, index):
            words += [(f"  {label} ", MUTED), (figure, "bold")]
        return words

    def _write(self, words: Words) -> None:
        words = [(f"{self.number} ", MUTED), *words]
        if words != self._words:
            self._words = words
            self.query_one(".caption", Static).update(Content.assemble(*words), layout=False)


def written_on(axis: Axis, x: float) -> str:
    """A place on an axis other than that of steps, with its unit."""
    match axis:
        case Axis.EPOCH:
            return f"epoch {x:.3f}"
        case Axis.TOKENS:
            return f"{x:,.0f} tokens"
    return numbers.duration(x)


def _is_new(before: RunView, view: RunView) -> bool:
    """Whether a curve differs: a history is another object when it has changed."""
    return (
        before.state.steps is not view.state.steps
        or before.state.evaluations is not view.state.evaluations
        or before.status.is_over != view.status.is_over
    )
