"""Says what a start would do, need and take, as far as it is known, and asks whether to."""

import asyncio
import tomllib
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from msgspec import Struct
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui.children.child import answers, ask
from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.sanitize import place, printable
from arena_tui.plan.text import cut_warning, lines
from arena_tui.runs.outcome import change_facts
from arena_tui.screen import profiles
from arena_tui.screen.profiles import ProfileView, set_in_file
from arena_tui.widgets.facts import Fact, facts, wrapped
from core.machine.system import logout_warning
from core.plan.protocol import Plan
from core.profile.errors import ProfileError
from core.profile.load import Change
from core.profile.settings import Profile

NOTHING_CUT = "no row is cut"


class Chosen(Struct, frozen=True):
    """A profile to be run: at once, or when its turn comes."""

    profile: ProfileView
    is_queued: bool


class ConfirmScreen(Dialog[Chosen | None]):
    """The answer is what to run and when, or None. Figures come from a child process, which ends with the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "start", "Start", key_display="enter"),
        Binding("a", "queue", "Queue", tooltip="Add it to the queue: it starts when its turn comes"),
        Binding("m", "measure", "Measure", tooltip="Run a few real steps, to know how long it takes"),
        Binding("c", "change", "Change", tooltip="Write the smallest change that fits into the profile"),
        Binding("escape,n,q", "dismiss(None)", "Back", key_display="esc"),
    ]

    DEFAULT_CSS = """
    ConfirmScreen {
        & > .box { max-width: 104; }
        /* As high at first as in the end: what is found out later moves nothing. */
        .facts { height: auto; min-height: 20; max-height: 24; scrollbar-gutter: stable; }
        &.-low .facts { min-height: 11; max-height: 11; }
        &.-low.-ends-at-logout .facts { min-height: 6; max-height: 6; }
        &.-low .warning { height: 2; }
        .warning { margin-top: 1; color: $foreground 60%; }
        .warning.-shown { color: $text-warning; text-style: bold; }
        .logout { color: $text-warning; margin-top: 1; display: none; }
        .problem { color: $text-error; text-style: bold; margin-top: 1; display: none; }
        .-shown { display: block; }
    }
    """

    plan: var[Plan | None] = var(None)
    is_counting: var[bool] = var(True)

    def __init__(
        self, profile: ProfileView, runs: Path, plan_program: Sequence[str], changes: Sequence[Change] = ()
    ) -> None:
        """`changes` tell what `profile`, which no file of the user's holds, has other than a run before it."""
        super().__init__()
        self._changes = changes
        self._logout = printable(logout_warning() or "")
        self._profile = profile
        self._runs = runs
        self._plan_program = plan_program

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            with VerticalScroll(classes="facts"):
                yield Static(classes="resolved", markup=False)
            yield Static(classes="warning", markup=False)
            yield Static(classes="logout", markup=False)
            yield Static(classes="problem", markup=False)
            yield Static(classes="keys")

    def on_mount(self) -> None:
        self.set_class(bool(self._logout), "-ends-at-logout")
        self._draw()
        self.ask()

    @work(exclusive=True)
    async def ask(self, *options: str) -> None:
        """Fill in what the plan child finds out."""
        self.is_counting = True
        arguments = [*options, str(self._runs), str(self._profile.path)]
        try:
            async with aclosing(answers(await ask(self._plan_program, *arguments), Plan)) as plans:
                async for plan in plans:
                    self.plan = plan
        except (OSError, ValueError):
            self.log.warning("the plan child could not be asked")
        self.is_counting = False

    def on_resize(self) -> None:
        self._draw()

    def watch_plan(self) -> None:
        self._draw()

    def watch_is_counting(self) -> None:
        self._draw()

    def action_start(self) -> None:
        if not self._problem:
            self.dismiss(Chosen(self._profile, is_queued=False))

    def action_queue(self) -> None:
        if not self._problem:
            self.dismiss(Chosen(self._profile, is_queued=True))

    def action_measure(self) -> None:
        """Ask again, this time with a few real steps."""
        if self._can_measure:
            self.ask("--measure")

    @work
    async def action_change(self) -> None:
        """Write what makes the run fit into the profile, and plan anew."""
        path = self._profile.path
        try:
            for change in self._change:
                key, _, value = change.partition("=")
                path = await asyncio.to_thread(set_in_file, path, key, tomllib.loads(f"value = {value}")["value"])
        except (ProfileError, OSError) as error:
            self.notify(printable(str(error)), title="not written", severity="error", markup=False)
            return
        changed = await asyncio.to_thread(profiles.read, path)
        if changed.settings is not None:
            self._profile = changed
            self.plan = None
            self.ask()
            if not self._changes:
                self.notify(f"written to {place(path)}", markup=False)

    @property
    def _settings(self) -> Profile:
        assert self._profile.settings is not None
        return self._profile.settings

    @property
    def _problem(self) -> str | None:
        return self.plan.problem if self.plan else None

    @property
    def _change(self) -> list[str]:
        memory = self.plan.memory if self.plan else None
        return memory.change or [] if memory else []

    @property
    def _can_measure(self) -> bool:
        return not self.is_counting and not self._problem and self.plan is not None and self.plan.time is None

    def _draw(self) -> None:
        if not (self.is_mounted and self.display):  # an answer may come while the screen is being left
            return
        box, doing = self.query_one(".box"), self.plan.doing if self.plan else ""
        box.border_title = Content(f"start {printable(self._profile.name)}?")
        box.border_subtitle = Content(f"{doing or 'starting'} …" if self.is_counting else "")
        resolved = self.query_one(".resolved", Static)
        resolved.update(facts(wrapped(self._resolved(), resolved.size.width)))
        tokens = self.plan.tokens if self.plan else None
        cut = cut_warning(tokens, self._settings.tokens.max_length) if tokens else ""
        self._tell(".warning", "! " if cut else "", cut or (NOTHING_CUT if tokens else "…"))
        self.query_one(".warning").set_class(bool(cut), "-shown")
        self._tell(".logout", "! ", self._logout)
        self._tell(".problem", "✗ ", printable(self._problem or ""))
        choices = [] if self._problem else [("enter", "start"), ("a", "queue it")]
        if self._can_measure:
            choices.append(("m", "measure the time"))
        if self._change:
            choices.append(("c", "change it so that it fits"))
        self.query_one(".keys", Static).update(keys([*choices, ("esc", "back")]))

    def _tell(self, place_: str, mark: str, text: str) -> None:
        told = self.query_one(place_, Static)
        told.update(Content(mark + text))
        told.set_class(bool(text), "-shown")

    def _resolved(self) -> list[Fact]:
        settings = self._settings
        plan = self.plan or Plan(global_batch=settings.global_batch)
        output = place(self._runs / f"<time>-{settings.run.name or self._profile.name}")
        return [
            *(("changed", key, values) for key, values, _ in change_facts(self._changes)),
            *lines(plan, settings, "…" if self.is_counting else "unknown", is_brief=self.has_class("-low")),
            ("base model", printable(settings.model.checkpoint), ""),
            ("data", printable(settings.data.train), ""),
            ("output", output, ""),
        ]
