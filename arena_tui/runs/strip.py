"""The strip at the top of the monitor: which run, what it is doing, how far it is, how long it takes."""

from textual.content import Content
from textual.dom import DOMNode
from textual.reactive import var
from textual.widgets import Static

from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MUTED, STYLES
from arena_tui.format.sanitize import printable
from arena_tui.format.width import abridged
from arena_tui.runs.follow import RunView
from arena_tui.runs.gains import finished
from arena_tui.runs.outcome import PREPARED
from arena_tui.runs.stages import stage
from arena_tui.runs.waits import words
from core.runs.state import RunState, Status


class Strip(Static):
    DEFAULT_CSS = """
    Strip { height: 2; padding: 0 1; background: $panel; }
    """

    view: var[RunView | None] = var(None)

    def __init__(self) -> None:
        super().__init__(markup=False)

    def watch_view(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if self.view and width:
            self.update(Content("\n").join([_what(self.view, width), _how_far(self.view, width, self)]), layout=False)


def _what(view: RunView, width: int) -> Content:
    """State, phase and silence on the left; the run's name on the right, shortened before anything else."""
    state, status = view.state, view.status
    words = finished(state) if status is Status.FINISHED else status.value
    if state.phase and not status.is_over:
        words += f": {stage(state.phase)}"
    if status.is_over and state.phase and status is not Status.FINISHED:
        words += f" while {state.phase.phase}"
    left = Content.styled(f"{GLYPHS[status]} {words}", f"bold {STYLES[status]}")
    if view.silent:
        left += Content.styled(f"  no event for {numbers.duration(view.silent)}", "$text-warning")
    if view.unreadable:
        left += Content.styled(f"  {numbers.counted(view.unreadable, 'unreadable line')}", "$text-warning")
    room = max(0, width - left.cell_length - 2)
    name = Content.styled(abridged(printable(view.folder.id), room), MUTED)
    return Content.assemble(left, " " * (width - left.cell_length - name.cell_length), name)


def _how_far(view: RunView, width: int, node: DOMNode) -> Content:
    """Done of total, a bar, the share, elapsed and remaining time; or what the run waits for."""
    if view.wait:
        return Content(" ").join(words(view.wait, node)).truncate(width, ellipsis=True)
    state = view.state
    if view.status is Status.PREPARED:
        return Content(PREPARED).truncate(width, ellipsis=True)
    done, total, unit = _progress(view)
    nothing = f"continues after step {numbers.count(state.step)}" if state.step else "nothing done yet"
    if state.started and state.started.average:
        nothing = f"the average of {numbers.counted(len(state.started.average.runs), 'run')}"
    left = f"{numbers.count(done)} / {numbers.count(total)} {unit}" if total else nothing
    if unit != "steps" and state.started and state.step:
        left = f"step {numbers.count(state.step)} / {numbers.count(state.started.steps)}  {left}"
    right = f"{numbers.duration(view.elapsed)} elapsed"
    if not view.status.is_over:
        remaining = numbers.MISSING if state.remaining is None else numbers.duration(state.remaining)
        right += f"  {remaining} left"
    share = f"{numbers.share(done, total):>6}" if total else ""
    room = width - len(left) - len(right) - len(share) - 6
    if room < 0 and not view.status.is_over:
        right = right.partition("elapsed  ")[2]
        room = width - len(left) - len(right) - len(share) - 6
    bar = numbers.bar(done, total, room) if total and room >= 4 else " " * max(0, room)
    filled = bar.count("━")
    return Content.assemble(
        left, "  ", (bar[:filled], "$accent"), (bar[filled:], "$foreground 25%"), "  ", share, "  ", right
    )


def _progress(view: RunView) -> tuple[int, int, str]:
    """Done, total and unit of the phase where it is counted, else of the training steps."""
    state = view.state
    if asked := state.predicting:
        progress = state.prediction_progress
        return progress.rows if progress else asked.rows_kept, asked.rows_total, "rows"
    if state.phase and state.phase.phase != "training" and state.phase.total and not view.status.is_over:
        return state.phase.done or 0, state.phase.total, printable(state.phase.unit)
    return state.step, _steps(state), "steps"


def _steps(state: RunState) -> int:
    return state.started.steps if state.started else 0
