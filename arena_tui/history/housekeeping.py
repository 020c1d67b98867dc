"""What users do to runs in a list: say something of them, delete them and their checkpoints, get them back."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static

from arena_tui.dialogs.ask import AskScreen, Dialog, WriteScreen, keys
from arena_tui.format import numbers
from arena_tui.format.sanitize import printable
from arena_tui.format.width import padded
from arena_tui.runs.consequences import what_is_deleted, what_is_pruned
from arena_tui.runs.follow import RunView
from arena_tui.screen.console_screen import OPENING
from arena_tui.screen.keymap import hint
from arena_tui.screen.undo import Changed, Overtaken
from arena_tui.widgets.menu import Menu
from core.files import in_words
from core.predict.folder import PredictionFolder, trashed_predictions
from core.runs.checkpoints import DiskUse, carry_out, disk_use, plan, size
from core.runs.folder import RunFolder
from core.runs.notes import MOST_NAME, MOST_NOTE, Notes, NotesError, read_notes, write_notes
from core.runs.trash import StillInUse, delete_for_good, discard, put_back, trashed


class TrashScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "empty", "Empty", tooltip="Delete all of these for good"),
        Binding("escape,q", "dismiss", "Back", key_display="esc"),
    ]

    DEFAULT_CSS = """
    TrashScreen Menu, TrashScreen Menu:focus { height: auto; max-height: 60vh; border: none; }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self._runs = runs
        self._sizes: dict[RunFolder, int] = {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("deleted runs and predictions")
            yield Menu("none", id="trash")
            yield Static(classes="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one(Menu).focus()
        self.read()

    @work(exclusive=True, group="read")
    async def read(self) -> None:
        self._sizes = await asyncio.to_thread(_sizes, self._runs)
        self.query_one(Menu).show([(str(run.path), partial(_line, run, taken)) for run, taken in self._sizes.items()])
        self.show_beside(numbers.gib(sum(self._sizes.values())))
        answers = [("enter", "put back"), ("E", "empty")] if self._sizes else []
        self.query_one(".keys", Static).update(keys([*answers, ("esc", "back")]))

    @on(OptionList.OptionSelected)
    @work
    async def put_back(self, event: OptionList.OptionSelected) -> None:
        for run in self._sizes:
            if str(run.path) == event.option_id:
                try:
                    back = await asyncio.to_thread(put_back, run)
                except OSError as error:
                    self._tell(f"not put back: {in_words(error)}")
                else:
                    self.app.post_message(Changed(f"{run.id} is in the trash again", partial(discard, back)))
        self.read()

    @work(group=OPENING)
    async def action_empty(self) -> None:
        if not self._sizes:
            return
        n, taken = len(self._sizes), numbers.gib(sum(self._sizes.values()))
        text = f"{taken}, in {numbers.counted(n, 'folder')}: this cannot be undone."
        if await self.app.push_screen_wait(AskScreen("delete for good?", text, [("y", "delete for good")])) == "y":
            for run in self._sizes:
                try:
                    await asyncio.to_thread(delete_for_good, run)
                except OSError as error:
                    self._tell(f"not deleted: {in_words(error)}")
            self.read()

    def _tell(self, text: str) -> None:
        self.notify(printable(text), severity="error", markup=False)


def _sizes(runs: Path) -> dict[RunFolder, int]:
    """Bytes of each deleted run and prediction."""
    return {folder: size(folder.path) for folder in (*trashed(runs), *trashed_predictions(runs))}


def _line(run: RunFolder, taken: int, width: int) -> Content:
    end = f" {numbers.gib(taken):>9}"
    of_run = f"  prediction of {run.run.name}" if isinstance(run, PredictionFolder) else ""
    return Content.assemble(padded(printable(run.id + of_run), width - len(end)), end)


def measured(runs: Sequence[RunView], known: Mapping[str, DiskUse]) -> dict[str, DiskUse]:
    """What each run takes of the disk, by its id. What is `known` of one that will not change is not measured again."""
    return {
        run.folder.id: known[run.folder.id] if run.is_settled and run.folder.id in known else disk_use(run.folder)
        for run in runs
    }


def _write_again(folder: RunFolder, before: Notes, after: Notes) -> None:
    if read_notes(folder) != after:
        raise Overtaken(f"{folder.notes.name} of {folder.id} has been changed since")
    write_notes(folder, name=before.name, note=before.note)


class Housekeeping:
    """Asks on `screen`, and so waits for the answers: to be run as a worker of it."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen

    async def note(self, run: RunView) -> None:
        """Let the user write the first line of what there is to say of a run."""
        first, *rest = run.notes.note.splitlines() or [""]
        more = f" The rest, {numbers.counted(len(rest), 'line')}, stays in {run.folder.notes.name}." if rest else ""
        line = await self._screen.app.push_screen_wait(
            WriteScreen("note", f"Note on {run.name}.{more}", first, MOST_NOTE // 2)
        )
        if line is not None and line != printable(first):
            await self._write(run.folder, note="\n".join([line, *rest]))

    async def rename(self, run: RunView) -> None:
        """Let the user give a run another name to show."""
        text = f"The name shown; its folder stays {run.folder.id}. Empty restores the original."
        name = await self._screen.app.push_screen_wait(WriteScreen("rename", text, run.name, MOST_NAME))
        if name is not None and name != printable(run.name):
            await self._write(run.folder, name="" if name == run.folder.name else name)

    async def _write(self, folder: RunFolder, **words: str) -> None:
        try:
            before = await asyncio.to_thread(read_notes, folder)
            after = await asyncio.to_thread(partial(write_notes, folder, **words))
        except (NotesError, OSError) as error:
            self.tell(f"not written: {in_words(error)}")
        else:
            what = f"the {' and the '.join(words)} of {folder.id} is restored"
            self._screen.app.post_message(Changed(what, partial(_write_again, folder, before, after)))

    async def delete(self, run: RunView) -> None:
        """Move a run that is over to the trash, after a question."""
        question = what_is_deleted(run, await asyncio.to_thread(disk_use, run.folder))
        if await self._confirms("delete this run?", question, "delete"):
            try:
                deleted = await asyncio.to_thread(discard, run.folder)
            except (StillInUse, OSError) as error:
                self.tell(f"not deleted: {in_words(error)}")
            else:
                self._screen.app.post_message(Changed(f"{run.folder.id} is put back", partial(put_back, deleted)))
                ways = hint(self._screen, "trash", "; {} opens it") + hint(self._screen, "undo", ", {} puts it back")
                self.tell(f"In the trash now{ways.plain}", "information")

    async def prune(self, runs: Sequence[RunView]) -> list[RunFolder]:
        """Delete all checkpoints but the newest intact one of those of `runs` that are over, after a question.

        Returns those of which something was to be deleted, once it was agreed to.
        """
        ended = [run.folder for run in runs if run.status.is_over]
        found = await asyncio.to_thread(lambda: [plan(folder) for folder in ended])
        prunings = [pruning for pruning in found if pruning.paths]
        if not prunings:
            why = "only the newest intact one is left" if ended else "only ended runs are pruned"
            self.tell(f"No checkpoint to delete: {why}.", "information")
            return []
        if not await self._confirms("delete checkpoints?", what_is_pruned(prunings), "delete for good"):
            return []
        for pruning in prunings:
            try:
                await asyncio.to_thread(carry_out, pruning)
            except (StillInUse, OSError) as error:
                self.tell(f"not pruned: {in_words(error)}")
        return [pruning.run for pruning in prunings]

    async def _confirms(self, title: str, text: str, word: str) -> bool:
        return await self._screen.app.push_screen_wait(AskScreen(title, text, [("y", word)])) == "y"

    def tell(self, text: str, severity: str = "error") -> None:
        self._screen.notify(printable(text), severity=severity, markup=False)  # type: ignore[arg-type]
