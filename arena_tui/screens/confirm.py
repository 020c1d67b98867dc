"""Says what a start would do, as far as it is known, and asks whether to."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from arena_tui import figures
from arena_tui.answers import answers
from arena_tui.plain import place, printable
from arena_tui.profiles import ProfileView
from arena_tui.screens.dialog import Dialog
from arena_tui.widgets.facts import Fact, facts
from arena_tui.widgets.keys import keys
from core.profile.settings import Profile
from core.runs.plan import Plan


class ConfirmScreen(Dialog[bool]):
    """The answer is whether to start. Figures come from a child process, which ends with the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "start", "Start", key_display="enter"),
        Binding("escape,n,q", "dismiss(False)", "Back", key_display="esc"),
    ]

    DEFAULT_CSS = """
    ConfirmScreen .problem { color: $text-error; text-style: bold; margin-top: 1; display: none; }
    ConfirmScreen .problem.-shown { display: block; }
    """

    plan: var[Plan | None] = var(None)
    is_counting: var[bool] = var(True)

    def __init__(self, profile: ProfileView, runs: Path, plan_program: Sequence[str]) -> None:
        super().__init__()
        assert profile.settings is not None
        self._profile = profile
        self._settings: Profile = profile.settings
        self._runs = runs
        self._plan_program = plan_program

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content(f"start {printable(self._profile.name)}?")
            yield Static(classes="resolved", markup=False)
            yield Static(classes="problem", markup=False)
            yield Static(classes="keys")

    def on_mount(self) -> None:
        self._draw()
        self.ask()

    @work
    async def ask(self) -> None:
        """Fill in what the plan child finds out."""
        try:
            async with aclosing(answers(self._plan_program, [str(self._profile.path)], Plan)) as plans:
                async for plan in plans:
                    self.plan = plan
        except (OSError, ValueError):
            self.log.warning("the plan child could not be asked")
        self.is_counting = False

    def watch_plan(self) -> None:
        self._draw()

    def watch_is_counting(self) -> None:
        self._draw()

    def action_start(self) -> None:
        if not self._problem:
            self.dismiss(True)

    @property
    def _problem(self) -> str | None:
        return self.plan.problem if self.plan else None

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one(".resolved", Static).update(facts(self._resolved()))
        problem = self.query_one(".problem", Static)
        problem.update(Content(f"✗ {printable(self._problem or '')}"))
        problem.set_class(self._problem is not None, "-shown")
        answers = [("esc", "back")] if self._problem else [("enter", "start"), ("esc", "back")]
        self.query_one(".keys", Static).update(keys(answers))

    def _resolved(self) -> list[Fact]:
        plan, settings, train = self.plan or _NOTHING, self._settings, self._settings.train
        beside = self._share(plan)
        return [
            ("rows", self._figure(plan.rows_train), "train"),
            ("", self._figure(plan.rows_eval), f"eval, fold {settings.split.fold} of {settings.split.n_splits}"),
            ("steps", self._figure(plan.steps), f"{train.epochs:g} epoch{'' if train.epochs == 1 else 's'}"),
            (
                "global batch",
                figures.count(settings.global_batch),
                f"{train.per_device_batch_size} × {train.gradient_accumulation} accumulated",
            ),
            ("trainable", self._figure(plan.trainable_parameters), beside),
            ("base model", printable(settings.model.checkpoint), ""),
            ("data", printable(settings.data.train), ""),
            ("output", place(self._runs / f"<time>-{settings.run.name or self._profile.name}"), ""),
        ]

    def _figure(self, known: int | None) -> str:
        if known is not None:
            return figures.count(known)
        return "counting…" if self.is_counting else "unknown"

    @staticmethod
    def _share(plan: Plan) -> str:
        if plan.trainable_parameters is None or plan.total_parameters is None:
            return "parameters"
        share = figures.share(plan.trainable_parameters, plan.total_parameters)
        return f"of {figures.count(plan.total_parameters)} parameters, {share}"


_NOTHING = Plan(global_batch=0)
