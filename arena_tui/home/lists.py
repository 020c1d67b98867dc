"""The lists of the home screen: profiles and runs, one to a line."""

from functools import partial

from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var

from arena_tui.format import numbers
from arena_tui.format.numbers import GLYPHS, MUTED, STYLES
from arena_tui.format.sanitize import printable
from arena_tui.format.width import padded
from arena_tui.runs.follow import RunView
from arena_tui.runs.waits import title
from arena_tui.screen.profiles import ProfileView
from arena_tui.widgets.menu import Menu
from core.runs.state import Status

BESIDE_FROM = 76
"""Cells for lists and panel beside each other."""


class Beside(Horizontal):
    """The lists, and beside them, on narrow screens below them, what is told of the chosen one."""

    DEFAULT_CSS = """
    Beside {
        #lists { width: 50%; }
        &.-stacked { layout: vertical; }
        &.-stacked #lists { width: 1fr; height: 65%; }
    }
    """

    def on_resize(self) -> None:
        self.set_class(self.size.width < BESIDE_FROM, "-stacked")


class ProfileMenu(Menu):
    HELP = (
        "The shipped profiles, and yours in ./profiles/*.toml, with the number of problems, if any. A profile is one "
        "TOML file with everything a run needs."
    )

    profiles: tuple[ProfileView, ...] = ()

    def on_mount(self) -> None:
        self.border_title = Content("profiles")

    def show_profiles(self, profiles: tuple[ProfileView, ...]) -> None:
        """List these."""
        self.profiles = profiles
        self.show([(str(profile.path), partial(profile_line, profile)) for profile in profiles])

    @property
    def chosen(self) -> ProfileView | None:
        return next((profile for profile in self.profiles if str(profile.path) == self.highlighted_id), None)


class RunMenu(Menu):
    HELP = (
        "All runs in the runs folder, newest first: state, name, progress or log loss (nats), and duration in hours, "
        "minutes and seconds. Each is read from its events.jsonl, and from whether its process is alive."
    )

    runs: tuple[RunView, ...] = ()
    is_queue_paused: var[bool] = var(False)

    def watch_is_queue_paused(self, is_paused: bool) -> None:
        self.border_title = title("runs", is_queue_paused=is_paused)

    def show_runs(self, runs: tuple[RunView, ...], beside: Content) -> None:
        """List these, and say how many; `beside` comes after that."""
        self.runs = runs
        self.show([(run.folder.id, partial(run_line, run)) for run in runs])
        self.border_subtitle = Content(numbers.count(len(runs))) + beside if runs else Content("")

    @property
    def chosen(self) -> RunView | None:
        return next((run for run in self.runs if run.folder.id == self.highlighted_id), None)


def profile_line(profile: ProfileView, width: int) -> Content:
    beside = "" if profile.is_shipped else "yours"
    if profile.problems:
        n = len(profile.problems)
        beside = f"✗ {numbers.counted(n, 'problem')}"
    name = padded(printable(profile.name), width - len(beside) - 1)
    return Content.assemble(name, " ", (beside, "$text-error" if profile.problems else MUTED))


def run_line(run: RunView, width: int) -> Content:
    """Glyph, word, name, progress or log loss, duration; or the place in the queue."""
    status = run.status
    mark = Content.styled(f"{GLYPHS[status]} {status.value:<9} ", STYLES[status])
    figure = numbers.loss(run.log_loss) if run.state.evaluations else numbers.MISSING
    if status in (Status.RUNNING, Status.STOPPING) and run.state.started:
        figure = numbers.share(run.state.step, run.state.started.steps)
    end = f" {figure:>6} {numbers.duration(run.elapsed):>8}"
    if run.wait:
        end = f" {numbers.ordinal(run.wait.place)}"
    shown = f"! {printable(run.name)}" if run.trouble else printable(run.name)
    name = padded(shown, max(4, width - len(mark) - len(end)))
    return Content.assemble(mark, name, end)
