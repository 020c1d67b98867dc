"""What becomes of a text that is edited: it is saved, kept as a draft or given up, but never lost without a question.

Does not know what the text means, nor how it is shown.
"""

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType

from arena_tui.dialogs.ask import STAY, AskScreen
from arena_tui.editor.diff import Comparison, DifferencesScreen
from arena_tui.editor.file import EditedFile, chosen_editor, edit_outside
from arena_tui.editor.save_as import SaveAsScreen
from arena_tui.format.sanitize import place, printable
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.keymap import named
from arena_tui.screen.profiles import own_path
from arena_tui.terminal.private_use import can_be_held
from core.profile.files import ProfileFile

SECONDS_BETWEEN_DRAFTS = 0.5
SECONDS_BETWEEN_LOOKS = 2.0


class FileScreen(ConsoleScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = named(
        "editor",
        Binding("f2,ctrl+s", "save", "Save", key_display="f2 ^s", tooltip="Save the text to its file"),
        Binding("f3", "save_as", "Save as", tooltip="Save the text to another file"),
        Binding("f4", "differences", "Diff", tooltip="What differs from the file on disk and from the defaults"),
        Binding("f5", "edit_outside", "$EDITOR", tooltip="Go on in $VISUAL or $EDITOR, and come back with its text"),
        Binding("escape", "leave", "Back", key_display="esc", tooltip="Leave the editor; asks about unsaved changes"),
    )

    def __init__(self, file: ProfileFile) -> None:
        super().__init__()
        self.file = EditedFile(file)
        self.draft_failure = ""
        self._put_off: str | None = file.text
        # Held while a question about the file is open, or the file is written: one at a time.
        self._lock = asyncio.Lock()

    @property
    def text(self) -> str:
        """The text as it is now, every character of it."""
        raise NotImplementedError

    def load(self, text: str) -> None:
        """Show another text in place of the one there is."""
        raise NotImplementedError

    def show_state(self) -> None:
        """Show whether the text is saved."""
        raise NotImplementedError

    async def comparisons(self) -> list[Comparison]:
        """What the text is compared with, apart from its file."""
        raise NotImplementedError

    @property
    def is_modified(self) -> bool:
        return self.text != self.file.saved

    @work
    async def guard(self) -> None:
        """Offer the draft of an earlier time; then keep one of this text, and notice when the file is changed."""
        async with self._lock:
            if not await self._settle_draft():
                self.dismiss()
                return
        self.keep_draft()
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if self.is_current and not self._lock.locked():
                async with self._lock:
                    await self._agree_with_disk(is_saving=False)

    @work
    async def keep_draft(self) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_DRAFTS)
            try:
                await self.file.keep(self.text)
                failure = ""
            except OSError as error:
                failure = f"no draft is kept: {error.strerror}"
            if failure != self.draft_failure:
                self.draft_failure = failure
                self.show_state()

    @work
    async def action_save(self) -> None:
        async with self._lock:
            await self._save()

    @work
    async def action_save_as(self) -> None:
        async with self._lock:
            await self._save_as("The file that is edited from then on:")

    @work
    async def action_leave(self) -> None:
        if await self.may_leave():
            self.dismiss()

    async def may_leave(self) -> bool:
        """Whether the text is saved or may be lost; asks the user if it would be lost."""
        async with self._lock:
            if self.is_modified:
                answers = [("s", "save"), ("d", "discard")]
                answer = await self._ask("unsaved changes", f"{self._place} has changes that are not saved.", answers)
                if answer == STAY or (answer == "s" and not await self._save()):
                    return False
            await self._drop_draft(self.text)
            return True

    @work
    async def action_differences(self) -> None:
        await self._compare(self.text, "yours", await self.comparisons())

    @work
    async def action_edit_outside(self) -> None:
        command = chosen_editor()
        if command is None:
            self._tell("Neither $VISUAL nor $EDITOR names an editor: set one, as in export EDITOR=nano.")
            return
        async with self._lock:
            try:
                handed_out = await self.file.hand_out(self.text)
                with self.app.suspend():
                    failure = edit_outside(command, handed_out)  # the console stands still meanwhile, as it should
                text = (await asyncio.to_thread(handed_out.read_bytes)).decode()
            except (OSError, UnicodeDecodeError, SuspendNotSupported) as error:
                self._tell(f"nothing was taken over: {error}")
                return
            if failure or not can_be_held(text):
                self._tell(f"nothing was taken over: {failure or 'the text holds characters this editor uses itself'}")
            elif text != self.text:
                self.load(text)
                self._tell(f"Taken over from {Path(command[0]).name}; not saved yet.", "information")

    async def _save(self) -> bool:
        """Whether the text lies on disk now."""
        if self.file.is_shipped:
            return await self._save_as("A shipped profile stays as it is. Your own copy:")
        return await self._agree_with_disk(is_saving=True) and await self._write(self.file.path)

    async def _save_as(self, reason: str) -> bool:
        suggested = await asyncio.to_thread(own_path, self.file.path, self.text)
        path = await self.app.push_screen_wait(SaveAsScreen(suggested, reason))
        return path is not None and await self._write(path)

    async def _write(self, path: Path) -> bool:
        text = self.text
        try:
            await self.file.save(text, path)
        except OSError as error:
            self._tell(f"not saved: {place(path)}: {error.strerror}")
            return False
        await self._drop_draft(text)
        self.file.path = path
        self.show_state()
        self._tell(f"saved: {place(path)}", "information")
        return True

    async def _settle_draft(self) -> bool:
        """Whether to go on; False when the user wants to decide about the draft another time."""
        try:
            draft = await self.file.read_draft()
        except (OSError, UnicodeDecodeError) as error:
            self._tell(f"the draft of {self._place} cannot be read: {error}")
            return True
        if draft is None:
            return True
        text = f"{self._place} has a draft from {self.file.draft.written_at():%Y-%m-%d %H:%M} that was never saved."
        answers = [("r", "restore"), ("d", "discard"), ("c", "compare")]
        while (answer := await self._ask("an unsaved draft", text, answers)) == "c":
            await self._compare(draft, "the draft", [])
        if answer == "r":
            self.load(draft)
        elif answer == "d":
            await self._drop_draft(self.text)
        return answer != STAY

    async def _drop_draft(self, text: str) -> None:
        try:
            await self.file.drop_draft(text)
        except OSError as error:
            self._tell(f"the draft stays behind: {error.strerror}")

    async def _agree_with_disk(self, *, is_saving: bool) -> bool:
        """Whether the text may replace what lies on disk; asks if that is not what was read or written here."""
        on_disk = await self.file.on_disk()
        if on_disk == self.file.saved:
            return True
        if not self.is_modified and on_disk is not None and can_be_held(on_disk):
            self.file.saved = on_disk
            self.load(on_disk)
            self._tell(f"{self._place} was changed on disk: read again.", "information")
            return True
        if not is_saving and on_disk == self._put_off:
            return False
        is_gone = on_disk is None or not can_be_held(on_disk)
        text = f"{self._place} {'is no longer there, or no longer text' if is_gone else 'was changed on disk'}."
        answers = [("k", "keep mine"), *([] if is_gone else [("r", "read again, lose mine")]), ("c", "compare")]
        while (answer := await self._ask("changed on disk", text, answers, "decide later")) == "c":
            await self._compare(self.text, "yours", [])
        self._put_off = on_disk
        if answer == "k":
            self.file.saved = on_disk
        elif answer == "r" and on_disk is not None:
            self.file.saved = on_disk
            self.load(on_disk)
        self.show_state()
        return answer == "k"

    async def _compare(self, text: str, name: str, others: list[Comparison]) -> None:
        on_disk = await self.file.on_disk()
        with_disk = Comparison(f"{name} against the file on disk", on_disk or "", text, "They are the same.")
        await self.app.push_screen_wait(DifferencesScreen([with_disk, *others]))

    async def _ask(self, title: str, text: str, answers: list[tuple[str, str]], stay: str = "back") -> str:
        return await self.app.push_screen_wait(AskScreen(title, text, answers, stay))

    def _tell(self, text: str, severity: str = "error") -> None:
        self.notify(printable(text), severity=severity, markup=False)  # type: ignore[arg-type]

    @property
    def _place(self) -> str:
        return place(self.file.path)
