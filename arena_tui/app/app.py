"""The console: how it looks, its own keys, and leaving."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.text import Text
from textual import work
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget

from arena_tui.app.dialogs import HelpScreen, ask_about_runs
from arena_tui.app.navigation import Navigation
from arena_tui.app.palette import Actions
from arena_tui.app.starting import Starter
from arena_tui.app.themes import VARIABLES, set_themes
from arena_tui.dialogs.ask import AskScreen
from arena_tui.format.sanitize import printable
from arena_tui.home.screen import HomeScreen
from arena_tui.runs import messages
from arena_tui.runs.follow import Follower, RunList, RunView
from arena_tui.screen import profiles
from arena_tui.screen.console_screen import PLAIN, READONLY, ConsoleScreen
from arena_tui.screen.keymap import key_problems, named
from arena_tui.terminal.output import Ascii, Changes, Sent
from arena_tui.terminal.sequences import signals
from core.config import Config, ConfigFile, config_path, set_theme
from core.files import in_words
from core.plan.protocol import PLAN
from core.predict.protocol import PREDICT
from core.profile.errors import Problem, ProfileError
from core.runs.folder import RunFolder
from core.runs.protocol import TRAIN

SECONDS_BETWEEN_LOOKS = 5.0
"""At the queue: whether runs wait and nothing starts them."""


class ArenaApp(App[None]):
    """`start` is a profile to launch at once; `watch` a run to open at once.

    `config` is the user's configuration, its open ends fitted to the terminal. If `readonly`, nothing can be changed.
    """

    TITLE = "arena-tui"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]
    CSS = """
    VerticalScroll, OptionList, TextArea, Log { scrollbar-size: 1 1; }
    Footer.-compact FooterLabel { margin: 0 1 0 0; }
    """
    COMMANDS = {Actions}
    BINDINGS: ClassVar[list[BindingType]] = named(
        "",
        Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys of this screen"),
        Binding("f1", "explain", "Explain", show=False, tooltip="What this pane shows, in which units, and from where"),
        Binding("A", "list_predictions", "All predictions", show=False, tooltip="Predictions: to open, stop, delete"),
        Binding("q", "quit", "Quit", tooltip="Leave; asks first while a run goes on"),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, tooltip="To the shell; fg comes back"),
    )

    def __init__(
        self,
        runs: Path,
        program: Sequence[str] = TRAIN,
        plan_program: Sequence[str] = PLAN,
        start: Path | None = None,
        watch: RunFolder | None = None,
        config: ConfigFile | None = None,
        readonly: bool = False,
        predict_program: Sequence[str] = PREDICT,
    ) -> None:
        super().__init__()
        self.run_list = RunList(runs.absolute())
        self._starter = Starter(self, self.run_list.runs, program, plan_program)
        self._navigation = Navigation(self, self._starter, self.run_list, predict_program)
        self.set_class(readonly, READONLY)
        self.error_console = Console(stderr=True, color_system=None, markup=False, highlight=False)
        self.config_file = config or ConfigFile(config_path(), Config())
        self._console = self.config_file.config.console
        self._filter = Ascii(enabled=bool(self._console.ascii))
        self.set_class(self.no_color or self._filter.enabled, PLAIN)
        if self._console.animation is False:
            self.animation_level = "none"
        set_themes(self, self._console.theme)
        self.set_keymap(self.config_file.config.keys)
        self._start = start
        self._watch = watch
        self._sent = Sent()
        self._told: set[tuple[Path, float | None]] = set()

    @work(exclusive=True, group="theme")
    async def keep_theme(self, theme: Theme) -> None:
        """Write another theme than that of the configuration into it; a read-only console leaves that as it is."""
        if theme.name == self._console.theme or self.has_class(READONLY):
            return
        try:
            await asyncio.to_thread(set_theme, self.config_file.path, theme.name)
        except (OSError, ProfileError) as error:
            told = "the theme is not kept for the next time"
            self.notify(printable(in_words(error)), title=told, severity="warning", markup=False)
        else:
            self._console = replace(self._console, theme=theme.name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *([self._filter] if self._filter.enabled else [])]

    def get_key_display(self, binding: Binding) -> str:
        key = super().get_key_display(binding)
        return "enter" if key == "⏎" and self._filter.enabled else key

    def get_default_screen(self) -> Screen[None]:
        return HomeScreen(self.run_list)

    def on_mount(self) -> None:
        if not self.is_headless:  # without its terminal it is of no use: under nohup, too, it ends with it
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.app_resume_signal.subscribe(self, self._draw_anew)
        self.theme_changed_signal.subscribe(self, self.keep_theme)
        if not self.has_class(READONLY):
            self.keep_seeing_to_queue()
        if self.config_file.problems or self.config_file.config.keys:
            self.tell_problems()
        if self._watch:
            self._starter.watch(self._watch)
        if self._start:
            self.run_worker(self._starter.start(profiles.read(self._start)))

    async def on_unmount(self) -> None:
        await self._navigation.end()

    @work
    async def keep_seeing_to_queue(self) -> None:
        """One look after the other: one that gets no answer is not followed by more."""
        while True:
            await self._starter.see_to_queue()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def _draw_anew(self, _: App[None]) -> None:
        """Send the whole screen: the terminal has forgotten it while the shell or an editor had it."""
        self._sent = Sent()
        self.refresh()

    @work
    async def tell_problems(self) -> None:
        """Say what is wrong with the configuration. Only now are all screens imported, whose keys it may change."""
        keys = await asyncio.to_thread(_key_problems, self.config_file)
        if problems := [*self.config_file.problems, *keys]:
            self._starter.tell("your configuration has problems; the rest of it counts", "\n".join(map(str, problems)))

    def on_run_ended(self, message: messages.RunEnded) -> None:
        """Signal it once, however many screens have seen it; after it was resumed, again."""
        run = message.run
        ending = (run.folder.path, run.state.last_time)
        words = signals(self.config_file.config.notify, run.folder, run.status)
        if ending not in self._told and words and self._driver:
            self._driver.write(words)
        self._told.add(ending)

    async def on_home_screen_looked_at(self, message: HomeScreen.LookedAt) -> None:
        await self._navigation.get_ready(message.profile)

    def on_start_profile(self, wish: messages.StartProfile) -> None:
        self.run_worker(self._navigation.confirm(wish.profile))

    def on_edit_profile(self, wish: messages.EditProfile) -> None:
        self.run_worker(self._navigation.edit(wish.profile))

    def on_inspect_profile(self, wish: messages.InspectProfile) -> None:
        self.run_worker(self._navigation.inspect(wish.profile))

    def on_list_runs(self, wish: messages.ListRuns) -> None:
        self._navigation.list_runs(wish.runs)

    def on_open_run(self, wish: messages.OpenRun) -> None:
        self._starter.watch(wish.folder)

    def on_resume_run(self, wish: messages.ResumeRun) -> None:
        self.run_worker(self._starter.resume(wish.folder))

    def on_fix_run(self, wish: messages.FixRun) -> None:
        self.run_worker(self._starter.retry(wish.folder))

    def on_report_run(self, wish: messages.ReportRun) -> None:
        self._navigation.report(wish.folder)

    def on_predict_run(self, wish: messages.PredictRun) -> None:
        self.run_worker(self._navigation.predict(wish.folder))

    def on_compare_runs(self, wish: messages.CompareRuns) -> None:
        self._navigation.compare(wish.folders)

    def action_list_predictions(self) -> None:
        self._navigation.list_predictions()

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self.screen.active_bindings.values()))

    def action_explain(self) -> None:
        """Explain what is in front; where there is no more to say than the keys do, list these."""
        screen = self.screen
        node = screen.in_front if isinstance(screen, ConsoleScreen) else screen.focused
        for place in (node or screen).ancestors_with_self:
            if isinstance(place, Widget) and place.HELP:
                self.push_screen(AskScreen("about this pane", place.HELP, []))
                return
        self.action_help()

    @work(exclusive=True, group="quit")
    async def action_quit(self) -> None:  # type: ignore[override]
        """Leave; ask what becomes of unsaved changes and of runs that go on."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ConsoleScreen) and not await screen.may_leave():
                return
        if self.has_class(READONLY):
            self.exit()
        elif (told := await ask_about_runs(self, self._known)) is not None:
            self.exit(message=Text(told) if told else None)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, Changes(self._sent, renderable, self.size))  # type: ignore[arg-type]
        else:
            super()._display(screen, renderable)

    def _known(self) -> list[RunView]:
        """The runs of the list, and others that were looked at."""
        known = {run.folder.path: run for run in self.run_list.read()}
        others = (Follower(folder).read() for path, folder in self._starter.watched.items() if path not in known)
        return [*known.values(), *others]


def _key_problems(file: ConfigFile) -> list[Problem]:
    if not file.config.keys:
        return []
    from arena_tui.app.bindings import all_keys

    return key_problems(file.config.keys, file.lines, list(all_keys(ArenaApp.BINDINGS)))
