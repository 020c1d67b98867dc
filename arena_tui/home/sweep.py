"""A sweep of a profile: which settings get several values, and which runs that makes. Queues nothing itself."""

from functools import partial
from typing import ClassVar

from msgspec import Struct
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format.numbers import counted
from arena_tui.format.sanitize import beginning, printable
from arena_tui.screen.profiles import ProfileView
from core.profile.errors import ProfileError
from core.profile.explain import settings
from core.profile.search import Search
from core.profile.sweep import Variant, variants

LINES = 3
"""Settings that can be given values; the command line takes any number."""
ABOUT = (
    "A run for each combination of values: [1e-4, 2e-4]. Ranges, loguniform(5e-5, 5e-4), uniform(a, b) and "
    "integers(a, b), need a number of trials; then all values are drawn."
)
SHOWN = 4
"""Names of runs."""


class Asked(Struct, frozen=True):
    """What stands in the form."""

    overrides: tuple[str, ...]
    unsaid: str
    """A setting that has no values yet; "" where all have some."""
    trials: str
    seed: str

    def variants(self, profile: ProfileView) -> list[Variant]:
        """The runs it makes. Raises ProfileError."""
        search = Search(int(self.trials), int(self.seed or 0)) if self.trials else None
        return variants(profile.text, source=profile.name, name=profile.name, overrides=self.overrides, search=search)


def all_keys() -> list[str]:
    """Of every setting, section.key."""
    return [setting.key for section in settings().values() for setting in section.values()]


def full_key(written: str) -> str:
    """The setting that is meant: by its key, or by the key's end where no other has it."""
    ends = [key for key in all_keys() if key == written or key.endswith(f".{written}")]
    return ends[0] if len(ends) == 1 else written


class SweepScreen(Dialog[list[Variant] | None]):
    """The answer is the runs to queue; None where there are to be none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    DEFAULT_CSS = """
    SweepScreen {
        & Horizontal { height: 1; margin-bottom: 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0 1; background: $panel; margin-right: 1; }
        & Horizontal > .setting { width: 2fr; }
        & Horizontal > .values { width: 3fr; margin-right: 0; }
        & Horizontal > .number { width: 1fr; }
        & .told { margin: 1 0; min-height: 1; }
        & .about { color: $foreground 60%; }
    }
    """

    def __init__(self, profile: ProfileView) -> None:
        super().__init__()
        self._profile = profile

    def compose(self) -> ComposeResult:
        known = SuggestFromList(all_keys())
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Content(f"sweep {printable(self._profile.name)}")
            for _ in range(LINES):
                with Horizontal():
                    yield Input(placeholder="section.setting", suggester=known, classes="setting")
                    yield Input(placeholder="values, or a range", classes="values")
            with Horizontal():
                yield Input(placeholder="trials: all combinations", type="integer", classes="number", id="trials")
                yield Input(placeholder="seed: 0", type="integer", classes="number", id="seed")
            yield Static(classes="told", markup=False)
            yield Static(ABOUT, classes="about", markup=False)
            pairs = [("enter", "queue"), ("tab", "next"), ("→", "complete"), ("esc", "back")]
            yield Static(keys(pairs), classes="keys")

    @property
    def asked(self) -> Asked:
        lines = zip(self.query("Input.setting").results(Input), self.query("Input.values").results(Input), strict=True)
        pairs = [(full_key(setting.value.strip()), values.value.strip()) for setting, values in lines]
        overrides = tuple(f"{setting}={values}" for setting, values in pairs if values)
        unsaid = next((setting for setting, values in pairs if setting and not values), "")
        trials, seed = (self.query_one(name, Input).value.strip() for name in ("#trials", "#seed"))
        return Asked(overrides, unsaid, trials, seed)

    @on(Input.Changed)
    @work(exclusive=True)
    async def tell(self) -> None:
        """What it makes so far, or what is wrong with it."""
        await self._look()

    @on(Input.Submitted)
    @work(exclusive=True)
    async def queue(self) -> None:
        runs, unsaid = await self._look(), self.asked.unsaid
        if runs and not unsaid:
            self.dismiss(runs)
        elif unsaid:
            self.say(f"{printable(unsaid)} has no values yet")

    async def _look(self) -> list[Variant]:
        """The runs that are asked for; none where something is wrong, which is told."""
        told, asked = self.query_one(".told", Static), self.asked
        try:
            found = await in_thread(partial(asked.variants, self._profile))
        except ProfileError as error:
            words = "\n".join(dict.fromkeys(problem.message for problem in error.problems))
            told.update(Content.styled(beginning(words), "$text-error"))
            return []
        except ValueError:
            told.update(Content.styled("trials and seed are whole numbers", "$text-error"))
            return []
        if not found[0].differs:
            told.update("no setting has several values yet")
            return []
        told.update(_runs(found))
        return found


def _runs(found: list[Variant]) -> Content:
    """How many they are, and how the first of them differ."""
    lines = [", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in one.differs.items()) for one in found]
    more = [f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return Content("\n").join(
        [Content.styled(counted(len(found), "run"), "bold"), *(Content(printable(line)) for line in lines[:SHOWN]),
         *map(Content, more)]
    )  # fmt: skip
