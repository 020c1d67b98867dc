"""The one-line pictures of a profile and of a run that the lists of the home screen show."""

from textual.content import Content

from arena_tui import figures
from arena_tui.follow import RunView
from arena_tui.marks import GLYPHS, MUTED, STYLES
from arena_tui.plain import printable
from arena_tui.profiles import ProfileView
from core.runs.state import Status


def profile_line(profile: ProfileView, width: int) -> Content:
    beside = "" if profile.is_shipped else "yours"
    if profile.problems:
        n = len(profile.problems)
        beside = f"✗ {n} problem{'s' if n > 1 else ''}"
    name = Content(printable(profile.name)).truncate(width - len(beside) - 1, ellipsis=True, pad=True)
    return Content.assemble(name, " ", (beside, "$text-error" if profile.problems else MUTED))


def run_line(run: RunView, width: int) -> Content:
    """Glyph, word, name, progress or log loss, duration; or the place in the queue.

    A name too long for its place ends in an ellipsis.
    """
    status = run.status
    mark = Content.styled(f"{GLYPHS[status]} {status.value:<9} ", STYLES[status])
    figure = figures.loss(run.log_loss) if run.state.evaluations else figures.MISSING
    if status in (Status.RUNNING, Status.STOPPING) and run.state.started:
        figure = f"{100 * run.state.step // max(1, run.state.started.steps)} %"
    end = f" {figure:>6} {figures.duration(run.state.elapsed):>8}"
    if run.wait:
        end = f" {figures.ordinal(run.wait.place)}"
    shown = f"! {printable(run.name)}" if run.trouble else printable(run.name)
    name = Content(shown).truncate(max(4, width - len(mark) - len(end)), ellipsis=True, pad=True)
    return Content.assemble(mark, name, end)
