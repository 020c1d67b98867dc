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
from arena_tui.format.sanitize import place, printable, shortened
from arena_tui.format.width import TITLE_EDGES, abridged
from arena_tui.plan.text import cut_warning, lines
from arena_tui.runs.outcome import change_facts
from arena_tui.screen import profiles
from arena_tui.screen.profiles import ProfileView, set_in_file
from arena_tui.screen.undo import Changed
from arena_tui.widgets.facts import Fact, facts, hanging, wrapped
from arena_tui.widgets.pane import FittedText
from core.files import in_words
from core.machine.system import logout_warning
from core.plan.protocol import Plan
from core.profile.errors import ProfileError
from core.profile.load import Change
from core.profile.settings import Profile

LONGEST_PROBLEM = 300
"""Characters: with the way out below it, it fits into a small terminal."""
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
        Binding("m", "measure", "Measure", tooltip="Time a few real steps, to estimate the duration"),
        Binding("c", "change", "Change", tooltip="Write the smallest change that makes it fit to the profile"),
        Binding("escape,n,q", "dismiss(None)", "Back", key_display="esc"),
    ]

    DEFAULT_CSS = """
    ConfirmScreen {
        & > .box { max-width: 104; }
        /* As high at first as in the end: what is found out later moves nothing. */
        .facts { height: auto; min-height: 21; max-height: 25; scrollbar-gutter: stable; }
        &.-low .facts { min-height: 46vh; max-height: 46vh; }
        &.-low.-ends-at-logout .facts { min-height: 25vh; max-height: 25vh; }
        &.-failed .facts { min-height: 0; max-height: 6; }
        &.-low.-failed .facts { min-height: 0; max-height: 3; }
        &.-low .warning { height: 2; }
        .warning { margin-top: 1; color: $foreground 60%; }
        .warning.-shown { color: $text-warning; text-style: bold; }
        &.-failed .warning { display: none; }
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
                yield FittedText(classes="resolved")
            yield FittedText(classes="warning")
            yield FittedText(classes="logout")
            yield FittedText(classes="problem")
            yield Static(classes="keys")

    def on_mount(self) -> None:
        self.set_class(bool(self._logout), "-ends-at-logout")
        self._draw()
        self.ask()

    @work(exclusive=True, group="ask")
    async def ask(self, *options: str) -> None:
        """Fill in what the plan child finds out."""
        self.is_counting = True
        arguments = [*options, str(self._runs), str(self._profile.path)]
        try:
            async with aclosing(answers(await ask(self._plan_program, *arguments), Plan)) as plans:
                async for plan in plans:
                    self.plan = plan
        except (OSError, ValueError):
            self.log.warning("the plan process did not answer")
        self.is_counting = False

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def watch_plan(self) -> None:
        self._draw()

    def watch_is_counting(self) -> None:
        self._draw()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:  # noqa: ARG002
        if action in ("start", "queue") and self._problem:
            return "it cannot be run, for the reason above"
        if action == "measure" and not self._can_measure:
            return "it is being planned" if self.is_counting else "the time is known, or cannot be measured"
        return "it fits already, or no change helps" if action == "change" and not self._change else ""

    def action_start(self) -> None:
        self.dismiss(Chosen(self._profile, is_queued=False))

    def action_queue(self) -> None:
        self.dismiss(Chosen(self._profile, is_queued=True))

    def action_measure(self) -> None:
        """Ask again, this time with a few real steps."""
        self.ask("--measure")

    @work
    async def action_change(self) -> None:
        """Write what makes the run fit into the profile, and plan anew."""
        changes = [change.partition("=") for change in self._change]
        values = [(key, tomllib.loads(f"value = {value}")["value"]) for key, _, value in changes]
        try:
            written = await asyncio.to_thread(set_in_file, self._profile.path, values)
        except (ProfileError, OSError) as error:
            self.notify(printable(in_words(error)), title="not written", severity="error", markup=False)
            return
        changed = await asyncio.to_thread(profiles.read, written.path)
        if changed.settings is not None:
            self._profile = changed
            self.plan = None
            self.ask()
            if not self._changes:
                self.app.post_message(Changed(f"{place(written.path)} is restored", written.take_back))
                self.notify(f"written to {place(written.path)}", markup=False)

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
        box, name, doing = self.query_one(".box"), printable(self._profile.name), self.plan.doing if self.plan else ""
        room = box.size.width - len("start ?") - TITLE_EDGES
        box.border_title = Content(f"start {abridged(name, room) if box.size else name}?")
        self.show_beside(f"{doing or 'starting'} …" if self.is_counting else "")
        rows = self._resolved()
        self.query_one(".resolved", FittedText).show(lambda width: facts(wrapped(rows, width)))
        tokens = self.plan.tokens if self.plan else None
        problem = shortened(printable(self._problem or ""), LONGEST_PROBLEM)
        self.set_class(bool(problem), "-failed")
        cut = cut_warning(tokens, self._settings.tokens.max_length) if tokens else ""
        self._tell(".warning", "!" if cut else "", cut or (NOTHING_CUT if tokens else "…"))
        self.query_one(".warning").set_class(bool(cut), "-shown")
        self._tell(".logout", "!", "" if problem else self._logout)
        self._tell(".problem", "✗", problem)
        choices = [] if self._problem else [("enter", "start"), ("a", "queue it")]
        if self._can_measure:
            choices.append(("m", "measure the time"))
        if self._change:
            choices.append(("c", "change it so that it fits"))
        self.query_one(".keys", Static).update(keys([*choices, ("esc", "back")]))

    def _tell(self, place_: str, mark: str, text: str) -> None:
        told = self.query_one(place_, FittedText)
        told.show(lambda width: Content(hanging(mark, text, width)))
        told.set_class(bool(text), "-shown")

    def _resolved(self) -> list[Fact]:
        settings = self._settings
        plan = self.plan or Plan(global_batch=settings.global_batch)
        output = place(self._runs / f"<time>-{settings.run.name or self._profile.name}")
        waiting = "…" if self.is_counting else "unknown"
        figures = lines(plan, settings, waiting, is_brief=self.has_class("-low"))
        return [
            *(("changed", key, values) for key, values, _ in change_facts(self._changes)),
            *(fact for fact in figures if not (self._problem and fact[1] == waiting)),
            ("base model", printable(settings.model.checkpoint), ""),
            ("data", printable(", ".join(settings.data.train_sources)), ""),
            ("output", output, ""),
        ]
