"""The ladder that ends a run: what each rung keeps, how long ago it was asked for, and what of the run is left."""

import asyncio
import time
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from arena_tui.children.child import in_thread
from arena_tui.dialogs.ask import Dialog, keys
from arena_tui.format import numbers
from arena_tui.format.numbers import MUTED
from arena_tui.format.sanitize import printable
from arena_tui.runs.consequences import what_is_kept, what_is_lost, what_is_not_back
from arena_tui.runs.follow import RunView
from arena_tui.widgets.facts import hanging
from arena_tui.widgets.pane import FittedText
from core.runs.actions import CannotStop, has_ended, stop
from core.runs.folder import RunFolder
from core.runs.stopping import RETURN_SECONDS, CardMemory, Rung

POLL_SECONDS = 0.25
RUNGS = {Rung.SAVE: ("s", "stop and save"), Rung.NOW: ("n", "stop now"), Rung.KILL: ("k", "kill")}


class StopScreen(Dialog[None]):
    """Over a run's monitor. `view` is the run as it is now; `show` follows it.

    `asked` holds the time.monotonic() of each rung that was asked for; it outlives this screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,y,enter", "ask('SAVE')", "Stop and save", key_display="s"),
        Binding("n", "ask('NOW')", "Stop now"),
        Binding("k", "ask('KILL')", "Kill"),
        Binding("escape,q", "dismiss", "Back", key_display="esc"),
    ]

    def __init__(self, folder: RunFolder, view: RunView, asked: dict[Rung, float]) -> None:
        super().__init__()
        self._view = view
        self._folder = folder
        self._asked = asked
        self._memory: CardMemory | None = None
        self._problem = ""

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("stop this run?")
            yield Static(Content.styled(printable(self._folder.id), MUTED), markup=False)
            yield FittedText(id="rungs")
            yield Static(id="left", markup=False)
            yield Static(id="keys", classes="keys")

    def on_mount(self) -> None:
        self._draw()
        self.set_interval(1, self._draw)
        if self._asked:
            self.see_it_end()

    def show(self, view: RunView | None) -> None:
        """The run is another than it was."""
        if view:
            self._view = view
        if self.is_mounted:
            self._draw()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        is_early = action == "ask" and not self._may(Rung[str(parameters[0])])
        return "try the gentler way first: the line above" if is_early else ""

    def _may(self, rung: Rung) -> bool:
        """A rung can be reached from the one below it."""
        is_stopping = bool(self._view.state.stopping)
        match rung:
            case Rung.SAVE:
                return True
            case Rung.NOW:
                return is_stopping or Rung.SAVE in self._asked
            case Rung.KILL:
                return Rung.NOW in self._asked

    @work
    async def action_ask(self, name: str) -> None:
        rung = Rung[name]
        if self._memory is None:
            self._memory = await in_thread(lambda: CardMemory(self._folder))
        try:
            await asyncio.to_thread(stop, self._folder, rung)
        except CannotStop as error:
            self._problem = printable(str(error))
        else:
            self._problem = ""
            self._asked.setdefault(rung, time.monotonic())
            self.see_it_end()
        self._draw()

    @work(exclusive=True, group="end")
    async def see_it_end(self) -> None:
        """Leave once nothing of the run is left, neither process nor memory of the card."""
        while not await asyncio.to_thread(has_ended, self._folder, was_killed=Rung.KILL in self._asked):
            await asyncio.sleep(POLL_SECONDS)
        deadline = time.monotonic() + RETURN_SECONDS
        while held := await asyncio.to_thread(self._memory_held):
            if time.monotonic() > deadline:
                self._problem = what_is_not_back(held)
                self._draw()
                return
            await asyncio.sleep(POLL_SECONDS)
        self.dismiss()

    def _memory_held(self) -> int:
        """Bytes of the card that the run had and that are not free again; 0 where it was stopped from elsewhere."""
        return self._memory.held(self._view.state) if self._memory else 0

    def _draw(self) -> None:
        self.query_one(FittedText).show(self._rungs)
        self.query_one("#left", Static).update(self._what_is_left())
        open_rungs = [RUNGS[rung] for rung in Rung if self._may(rung) and rung not in self._asked]
        way_out = "back; the run still ends" if self._asked else "keep it running"
        self.query_one("#keys", Static).update(keys([*open_rungs, ("esc", way_out)]))
        self.refresh_bindings()

    def _rungs(self, width: int) -> Content:
        """What each rung does, and how long ago it was asked for."""
        gap = "" if self.has_class("-low") else "\n"
        lines = []
        for rung, (key, name) in RUNGS.items():
            asked = self._asked.get(rung)
            since = f"   asked for {numbers.duration(time.monotonic() - asked)} ago" if asked is not None else ""
            style = "bold" if self._may(rung) else MUTED
            lines += [
                Content.assemble(gap, (f"{key}  {name}", style), (since, "$accent")),
                Content.styled(hanging("  ", _keeps(rung, self._view), width), "" if self._may(rung) else MUTED),
            ]
        return Content("\n").join(lines)

    def _what_is_left(self) -> Content:
        if self._problem:
            return Content.styled(f"\n{self._problem}", "$text-error")
        if not self._asked:
            return Content("")
        state = self._view.state
        phase = f": {state.phase.phase}, step {numbers.count(state.step)}" if state.phase else ""
        if self._view.status.is_over:
            phase = ": its last event is written"
        heard = "" if state.stopping or self._view.status.is_over else ", and has not responded yet"
        return Content(f"\nThe process is still alive{phase}{heard}.")


def _keeps(rung: Rung, view: RunView) -> str:
    match rung:
        case Rung.SAVE:
            return what_is_kept(view)
        case Rung.NOW:
            return f"At once, without finishing the step. {what_is_lost(view)}"
        case Rung.KILL:
            return f"The system kills all its processes, even unresponsive ones. {what_is_lost(view)}"
