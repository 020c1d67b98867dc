"""What if rows were cut at another limit, or in another way? What that leaves of them, and what it costs."""

from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import var

from arena_tui.children.child import answers, ask
from arena_tui.dataset.cuts import CutSummary, cost_lines
from arena_tui.dataset.histogram import Histogram
from arena_tui.dataset.reading import Inspection
from arena_tui.dialogs.ask import choose
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.rows.view import Outlook, outlook
from core.plan.protocol import Plan
from core.profile.edit import Value
from core.profile.errors import SettingError
from core.profile.settings import TRUNCATIONS, Tokens

STEP = 64
LEAST_WIDTH = 72
"""Cells for a histogram beside the figures."""
LONGEST = 131_072


class WhatIf(Horizontal):
    """`tokens` are the limit and the strategy that are looked at, `own` what the profile's own leave.

    `plan_program` is what tells of memory and time.
    """

    SCOPED_CSS = False  # it is lower on screens that are
    DEFAULT_CSS = """
    WhatIf {
        height: 12;
        Histogram { width: 1fr; }
    }
    .-narrow WhatIf, .-low WhatIf { height: 10; }
    WhatIf.-slim Histogram { display: none; }
    WhatIf.-slim CutSummary { width: 1fr; }
    """

    plan: var[Plan | None] = var(None)
    """What the limit costs is told from it."""

    @dataclass
    class Chosen(Message):
        """The user looks at another limit or strategy, or the rows are others."""

        outlook: Outlook

    def __init__(self, inspection: Inspection, runs: Path, plan_program: Sequence[str]) -> None:
        super().__init__()
        self._inspection = inspection
        self._runs = runs
        self._plan_program = plan_program
        self.tokens: Tokens = inspection.settings.tokens
        self.own: Outlook | None = None

    def compose(self) -> ComposeResult:
        yield Histogram()
        yield CutSummary()

    def on_resize(self) -> None:
        self.set_class(self.size.width < LEAST_WIDTH, "-slim")

    def show_rows(self) -> None:
        """Show the rows as they are known now. Raises SettingError for a limit of the profile that leaves no room."""
        seen, settings = self._inspection.seen, self._inspection.settings
        if seen is None:
            return
        own = outlook(seen, settings, settings.tokens)
        if self.own is None or self.own.tokens != own.tokens:
            self.tokens = own.tokens
        self.own = own
        histogram = self.query_one(Histogram)
        histogram.load(seen.full)
        histogram.border_subtitle = Content(
            " ".join(f"p{p} {numbers.count(seen.lengths.percentiles[p])}" for p in (50, 90, 99))
        )
        self._look_at(self.tokens)
        if not seen.is_sample and self.plan is None:
            self.ask_for_the_plan()

    @work(exclusive=True, group="plan")
    async def ask_for_the_plan(self) -> None:
        """Ask the plan child until it has told memory and time; the rest takes longer and is not needed."""
        arguments = [str(self._runs), str(self._inspection.profile.path)]
        with suppress(OSError):
            async with aclosing(answers(await ask(self._plan_program, *arguments), Plan)) as plans:
                async for plan in plans:
                    if plan.memory or plan.time:
                        self.plan = plan
                        break

    def watch_plan(self) -> None:
        if self.own is not None and self.screen.display:
            self._look_at(self.tokens)

    def _look_at(self, tokens: Tokens) -> None:
        """Show what is left under these settings."""
        seen, settings, own = self._inspection.seen, self._inspection.settings, self.own
        if seen is None or own is None:
            return
        try:
            chosen = outlook(seen, settings, tokens)
        except SettingError as error:
            self.notify(printable(str(error)), severity="warning", markup=False)
            return
        self.tokens = tokens
        self.query_one(Histogram).show(tokens.max_length)
        self.query_one(CutSummary).show(seen, chosen, own, cost_lines(self.plan, settings, chosen, own))
        self.post_message(self.Chosen(chosen))

    def move(self, steps: int) -> None:
        """The limit to the next multiple of STEP in that direction, or several of them."""
        here = self.tokens.max_length
        aligned = here // STEP if steps > 0 else -(-here // STEP)
        limit = max(STEP, min(LONGEST, (aligned + steps) * STEP))
        self._look_at(replace(self.tokens, max_length=limit))

    def turn_strategy(self, direction: int) -> None:
        """To the next way to cut long rows, or the one before."""
        at = TRUNCATIONS.index(self.tokens.truncation) + direction
        self._look_at(replace(self.tokens, truncation=TRUNCATIONS[at % len(TRUNCATIONS)]))

    async def choose_strategy(self) -> None:
        """Let the user choose how long rows are cut; waits for the answer."""
        if chosen := await choose(self.app, "which truncation strategy?", TRUNCATIONS, self.tokens.truncation):
            self.turn_strategy(TRUNCATIONS.index(chosen) - TRUNCATIONS.index(self.tokens.truncation))

    def changes(self) -> list[tuple[str, Value]]:
        """The profile's settings, as section.key, that differ from what is looked at, each with its new value."""
        own, chosen = self._inspection.settings.tokens, self.tokens
        values: list[tuple[str, Value]] = []
        if chosen.max_length != own.max_length:
            values.append(("tokens.max_length", chosen.max_length))
        if chosen.truncation != own.truncation:
            values.append(("tokens.truncation", chosen.truncation))
        return values

    def back_to_own(self) -> None:
        """Back to the profile's own limit and strategy."""
        self._look_at(self._inspection.settings.tokens)
