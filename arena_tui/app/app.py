"""The console: how it looks, its own keys, and leaving."""

import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.text import Text
from textual import work
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme

from arena_tui.app.dialogs import HelpScreen, ask_about_runs, explanation
from arena_tui.app.keyboard import Keyboard, of_no_use, tell
from arena_tui.app.navigation import Navigation
from arena_tui.app.palette import Actions
from arena_tui.app.starting import Starter
from arena_tui.app.themes import VARIABLES, is_kept, set_themes
from arena_tui.app.undo import Undo
from arena_tui.dialogs.ask import AskScreen
from arena_tui.home.screen import HomeScreen
from arena_tui.runs import messages
from arena_tui.runs.follow import RunList
from arena_tui.screen import profiles
from arena_tui.screen.console_screen import OPENING, PLAIN, READONLY, ConsoleScreen
from arena_tui.screen.keymap import called, hint, named
from arena_tui.screen.undo import Changed
from arena_tui.terminal.output import Ascii, Changes, Sent
from arena_tui.terminal.sequences import signals
from core.config import Config, ConfigFile, config_path
from core.plan.protocol import PLAN
from core.predict.protocol import PREDICT
from core.runs.folder import RunFolder
from core.runs.protocol import TRAIN


class ArenaApp(App[None]):
    """`start` is a profile to launch at once; `watch` a run to open at once.

    `config` is the user's configuration, its open ends fitted to the terminal. If `readonly`, nothing can be changed.
    """

    TITLE = "arena-tui"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]
    CSS = """
    VerticalScroll, OptionList, TextArea, Log { scrollbar-size: 1 1; }
    """
    COMMANDS = {Actions}
    BINDINGS: ClassVar[list[BindingType]] = named(
        "",
        Binding("u", "undo", "Undo", show=False, tooltip="Undo the last change to a profile, a run or the queue"),
        Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys on this screen"),
        Binding("f1", "explain", "Explain", show=False, tooltip="What this pane shows, its units and its source"),
        Binding("O", "list_predictions", "All predictions", show=False, tooltip="All predictions: open, stop, delete"),
        Binding("q", "quit", "Quit", tooltip="Quit; asks first while a run is active"),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, tooltip="Suspend to the shell; fg returns"),
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
        self._keyboard = Keyboard(self, super().on_event)
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
        self._start, self._watch = start, watch
        self._sent, self._undo = Sent(), Undo(self)
        self._told: set[tuple[Path, float | None]] = set()

    @work(exclusive=True, group="theme")
    async def keep_theme(self, theme: Theme) -> None:
        """Write another theme than that of the configuration into it; a read-only console leaves that as it is."""
        is_news = theme.name != self._console.theme and not self.has_class(READONLY)
        if is_news and await is_kept(self, self.config_file.path, theme.name):
            self._console = replace(self._console, theme=theme.name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *([self._filter] if self._filter.enabled else [])]

    def get_key_display(self, binding: Binding) -> str:
        return binding.key_display or called(binding.key)

    def get_default_screen(self) -> Screen[None]:
        return HomeScreen(self.run_list)

    def on_mount(self) -> None:
        if not self.is_headless:  # without its terminal it is of no use: under nohup, too, it ends with it
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.app_resume_signal.subscribe(self, self._draw_anew)
        self.theme_changed_signal.subscribe(self, self.keep_theme)
        if not self.has_class(READONLY):
            self.run_worker(self._starter.keep_seeing_to_queue())
        if self.config_file.problems or self.config_file.config.keys:
            self.tell_problems()
        if self._watch:
            self._starter.watch(self._watch)
        if self._start:
            self.run_worker(self._starter.start(profiles.read(self._start)))

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self._keyboard.take(event)
        else:
            await super().on_event(event)

    async def on_key(self, event: Key) -> None:
        event.prevent_default()  # Textual's own does no more, but never says why a key is of no use
        if not await self._check_bindings(event.key) and (why := of_no_use(self, event)):
            self._keyboard.refuse(why)

    async def on_unmount(self) -> None:
        await self._navigation.end()

    def _draw_anew(self, _: App[None]) -> None:
        """Send the whole screen: the terminal has forgotten it while the shell or an editor had it."""
        self._sent = Sent()
        self.refresh()

    @work
    async def tell_problems(self) -> None:
        """Say what is wrong with the configuration. Only now are all screens imported, whose keys it may change."""
        keys = await asyncio.to_thread(self._navigation.key_problems, self.config_file, self.BINDINGS)
        if problems := [*self.config_file.problems, *keys]:
            self._starter.tell("your configuration has problems; the rest of it applies", "\n".join(map(str, problems)))

    def on_run_ended(self, message: messages.RunEnded) -> None:
        """Signal it once, however many screens have seen it; after it was resumed, again."""
        run, ending = message.run, (message.run.folder.path, message.run.state.last_time)
        words = signals(self.config_file.config.notify, run.folder, run.status)
        if ending not in self._told and words and self._driver:
            self._driver.write(words)
        self._told.add(ending)

    def on_looked_at(self, message: messages.LookedAt) -> None:
        self.run_worker(self._navigation.get_ready(message.profile), group="ahead")

    def on_start_profile(self, wish: messages.StartProfile) -> None:
        self.run_worker(self._navigation.confirm(wish.profile), group=OPENING)

    def on_sweep_profile(self, wish: messages.SweepProfile) -> None:
        self.run_worker(self._navigation.sweep(wish.profile), group=OPENING)

    def on_edit_profile(self, wish: messages.EditProfile) -> None:
        self.run_worker(self._navigation.edit(wish.profile), group=OPENING)

    def on_inspect_profile(self, wish: messages.InspectProfile) -> None:
        self.run_worker(self._navigation.inspect(wish.profile), group=OPENING)

    def on_list_runs(self, wish: messages.ListRuns) -> None:
        self._navigation.list_runs(wish.runs, wish.words)

    def on_open_run(self, wish: messages.OpenRun) -> None:
        self._starter.watch(wish.folder)

    def on_resume_run(self, wish: messages.ResumeRun) -> None:
        self.run_worker(self._starter.resume(wish.folder), group=OPENING)

    def on_fix_run(self, wish: messages.FixRun) -> None:
        self.run_worker(self._starter.retry(wish.folder), group=OPENING)

    def on_report_run(self, wish: messages.ReportRun) -> None:
        self._navigation.report(wish.folder)

    def on_predict_run(self, wish: messages.PredictRun) -> None:
        self.run_worker(self._navigation.predict(wish.folder), group=OPENING)

    def on_try_run(self, wish: messages.TryRun) -> None:
        self._navigation.try_out(wish.folder)

    def on_compare_runs(self, wish: messages.CompareRuns) -> None:
        self._navigation.compare(wish.folders)

    def action_list_predictions(self) -> None:
        self._navigation.list_predictions()

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self.screen.active_bindings.values(), self.screen.HELP or ""))

    def action_explain(self) -> None:
        """Explain what is in front; where there is no more to say than the keys do, list these."""
        if words := explanation(self.screen):
            self.push_screen(AskScreen("about this pane", words, []))
        else:
            self.action_help()

    def action_help_quit(self) -> None:
        """What ctrl+c does: it leaves nothing by itself, but says what does."""
        quits = hint(self.screen, "quit", "{} quits; runs continue").plain
        tell(self.screen, f"{'esc closes this' if self.screen.is_modal else quits}; ctrl+q quits anywhere")

    def on_changed(self, change: Changed) -> None:
        self._undo.remember(change)

    @work
    async def action_undo(self) -> None:
        await self._undo.take_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "undo" and self.has_class(READONLY):
            return False
        return super().check_action(action, parameters)

    @work(group=OPENING)
    async def action_quit(self) -> None:  # type: ignore[override]
        """Leave; ask what becomes of unsaved changes and of runs that go on."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ConsoleScreen) and not await screen.may_leave():
                return
        if self.has_class(READONLY):
            self.exit()
        elif (told := await ask_about_runs(self, partial(self._starter.known, self.run_list))) is not None:
            self.exit(message=Text(told) if told else None)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, Changes(self._sent, renderable, self.size))  # type: ignore[arg-type]
        else:
            super()._display(screen, renderable)
