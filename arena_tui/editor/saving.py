"""What becomes of a text that is edited: it is saved, kept as a draft or given up, but never lost without a question.

Does not know what the text means, nor which keys there are.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.app import SuspendNotSupported

from arena_tui.dialogs.ask import STAY, AskScreen
from arena_tui.editor.dialogs import Comparison, DifferencesScreen, SaveAsScreen
from arena_tui.editor.file import EditedFile, chosen_editor, edit_outside
from arena_tui.editor.toml_area import TomlArea
from arena_tui.format.sanitize import place, printable
from arena_tui.screen.console_screen import ConsoleScreen
from arena_tui.screen.profiles import own_path
from arena_tui.terminal.private_use import can_be_held
from core.files import in_words

SECONDS_BETWEEN_DRAFTS = 0.5
SECONDS_BETWEEN_LOOKS = 2.0


class Saving:
    """The text in `area`, and the `file` it is of; the questions are asked on `screen`.

    `show_state` is called where it changes whether the text is saved. What asks the user waits for the answer, and is
    to be run as a worker of the screen.
    """

    def __init__(
        self, screen: ConsoleScreen[None], area: TomlArea, file: EditedFile, show_state: Callable[[], None]
    ) -> None:
        self._screen = screen
        self._area = area
        self._file = file
        self._show_state = show_state
        self.draft_failure = ""
        """Why no draft is kept, where none can be."""
        self._put_off = file.saved
        # Held while a question about the file is open, or the file is written: one at a time.
        self._lock = asyncio.Lock()

    @property
    def is_modified(self) -> bool:
        return self._text != self._file.saved

    @property
    def _text(self) -> str:
        """The text as it is now, every character of it."""
        return self._area.whole_text

    async def settle_draft(self) -> bool:
        """Offer the draft of an earlier time. False when the user wants to decide about it another time."""
        async with self._lock:
            return await self._settle_draft()

    async def keep_drafts(self) -> None:
        """Keep a draft of the text from now on."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_DRAFTS)
            try:
                await self._file.keep(self._text)
                failure = ""
            except OSError as error:
                failure = f"no draft is saved: {error.strerror}"
            if failure != self.draft_failure:
                self.draft_failure = failure
                self._show_state()

    async def watch_file(self) -> None:
        """Notice from now on when the file is changed by others."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if self._screen.is_current and not self._lock.locked():
                async with self._lock:
                    await self._agree_with_disk(is_saving=False)

    async def save(self) -> None:
        async with self._lock:
            await self._save()

    async def save_as(self) -> None:
        async with self._lock:
            await self._save_as("The file that is edited from then on:")

    async def may_leave(self) -> bool:
        """Whether the text is saved or may be lost; asks the user if it would be lost."""
        async with self._lock:
            if self.is_modified:
                answers = [("s", "save"), ("d", "discard")]
                answer = await self._ask("unsaved changes", f"{self._place} has changes that are not saved.", answers)
                if answer == STAY or (answer == "s" and not await self._save()):
                    return False
            await self._drop_draft(self._text)
            return True

    async def compare(self, others: Sequence[Comparison]) -> None:
        """Show what differs between the text and the file on disk, and `others`."""
        await self._compare(self._text, "yours", others)

    async def edit_outside(self) -> None:
        """Hand the text to the user's own editor, and take over what comes back."""
        command = chosen_editor()
        if command is None:
            self._tell("Neither $VISUAL nor $EDITOR names an editor: set one, as in export EDITOR=nano.")
            return
        async with self._lock:
            try:
                handed_out = await self._file.hand_out(self._text)
                with self._screen.app.suspend():
                    failure = edit_outside(command, handed_out)  # the console stands still meanwhile, as it should
                text = (await asyncio.to_thread(handed_out.read_bytes)).decode()
            except (OSError, UnicodeDecodeError, SuspendNotSupported) as error:
                self._tell(f"the text was not changed: {in_words(error)}")
                return
            if failure or not can_be_held(text):
                why = failure or "the text is too long, or contains characters that this editor reserves"
                self._tell(f"the text was not changed: {why}")
            elif text != self._text:
                self._area.load_profile(text)
                self._tell(f"The text from {Path(command[0]).name} is not saved yet.", "information")

    async def _save(self) -> bool:
        """Whether the text lies on disk now."""
        if self._file.is_shipped:
            return await self._save_as("A shipped profile stays as it is. Your own copy:")
        return await self._agree_with_disk(is_saving=True) and await self._write(self._file.path)

    async def _save_as(self, reason: str) -> bool:
        suggested = await asyncio.to_thread(own_path, self._file.path, self._text)
        path = await self._screen.app.push_screen_wait(SaveAsScreen(suggested, reason))
        return path is not None and await self._write(path)

    async def _write(self, path: Path) -> bool:
        text = self._text
        try:
            await self._file.save(text, path)
        except OSError as error:
            self._tell(f"not saved: {place(path)}: {error.strerror}")
            return False
        await self._drop_draft(text)
        self._file.path = path
        self._show_state()
        self._tell(f"saved: {place(path)}", "information")
        return True

    async def _settle_draft(self) -> bool:
        """Whether to go on; False when the user wants to decide about the draft another time."""
        try:
            draft = await self._file.read_draft()
        except (OSError, UnicodeDecodeError) as error:
            self._tell(f"the draft of {self._place} cannot be read: {in_words(error)}")
            return True
        if draft is None:
            return True
        text = f"{self._place} has a draft from {self._file.draft.written_at():%Y-%m-%d %H:%M} that was never saved."
        answers = [("r", "restore"), ("d", "discard"), ("c", "compare")]
        while (answer := await self._ask("an unsaved draft", text, answers)) == "c":
            await self._compare(draft, "the draft", [])
        if answer == "r":
            self._area.load_profile(draft)
        elif answer == "d":
            await self._drop_draft(self._text)
        return answer != STAY

    async def _drop_draft(self, text: str) -> None:
        try:
            await self._file.drop_draft(text)
        except OSError as error:
            self._tell(f"the draft was not deleted: {error.strerror}")

    async def _agree_with_disk(self, *, is_saving: bool) -> bool:
        """Whether the text may replace what lies on disk; asks if that is not what was read or written here."""
        on_disk = await self._file.on_disk()
        if on_disk == self._file.saved:
            return True
        if not self.is_modified and on_disk is not None and can_be_held(on_disk):
            self._file.saved = on_disk
            self._area.load_profile(on_disk)
            self._tell(f"{self._place} was changed on disk: read again.", "information")
            return True
        if not is_saving and on_disk == self._put_off:
            return False
        is_gone = on_disk is None or not can_be_held(on_disk)
        text = f"{self._place} {'is gone, or cannot be edited here' if is_gone else 'was changed on disk'}."
        answers = [("k", "keep mine"), *([] if is_gone else [("r", "read again, lose mine")]), ("c", "compare")]
        while (answer := await self._ask("changed on disk", text, answers, "decide later")) == "c":
            await self._compare(self._text, "yours", [])
        self._put_off = on_disk
        if answer == "k":
            self._file.saved = on_disk
        elif answer == "r" and on_disk is not None:
            self._file.saved = on_disk
            self._area.load_profile(on_disk)
        self._show_state()
        return answer == "k"

    async def _compare(self, text: str, name: str, others: Sequence[Comparison]) -> None:
        on_disk = await self._file.on_disk()
        with_disk = Comparison(f"{name} against the file on disk", on_disk or "", text, "They are the same.")
        await self._screen.app.push_screen_wait(DifferencesScreen([with_disk, *others]))

    async def _ask(self, title: str, text: str, answers: list[tuple[str, str]], stay: str = "back") -> str:
        return await self._screen.app.push_screen_wait(AskScreen(title, text, answers, stay))

    def _tell(self, text: str, severity: str = "error") -> None:
        self._screen.notify(printable(text), severity=severity, markup=False)  # type: ignore[arg-type]

    @property
    def _place(self) -> str:
        return place(self._file.path)
