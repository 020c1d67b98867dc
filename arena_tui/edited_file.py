"""A profile's file while its text is edited: what lies on disk, and the draft of what does not yet. Knows no widget."""

import asyncio
from pathlib import Path

from arena_tui.drafts import Draft, draft_of
from core.bounded import MOST_OF_A_PROFILE, read_bounded
from core.profile.files import ProfileFile, shipped_profiles, write_profile


class EditedFile:
    """`saved` is the text that this console knows to lie on disk; None when the file is gone."""

    def __init__(self, file: ProfileFile) -> None:
        self.path = file.path
        self.saved: str | None = file.text
        self._drafted: str | None = file.text
        self._lock = asyncio.Lock()

    @property
    def is_shipped(self) -> bool:
        return self.path in shipped_profiles()

    @property
    def draft(self) -> Draft:
        return draft_of(self.path)

    async def read_draft(self) -> str | None:
        """A text that was never saved, or None where there is no more than what lies on disk.

        Raises OSError and UnicodeDecodeError.
        """
        text = await asyncio.to_thread(self.draft.read)
        return None if text == self.saved else text

    async def keep(self, text: str) -> None:
        """Let the draft hold `text`, unless the file does. Raises OSError."""
        async with self._lock:
            if text == self._drafted:
                return
            if text == self.saved:
                await asyncio.to_thread(self.draft.remove)
            else:
                await asyncio.to_thread(self.draft.write, text)
            self._drafted = text

    async def drop_draft(self, text: str) -> None:
        """Remove the draft, and keep none again until the text is another than `text`. Raises OSError."""
        async with self._lock:
            await asyncio.to_thread(self.draft.remove)
            self._drafted = text

    async def hand_out(self, text: str) -> Path:
        """The draft's file, holding `text`, for another program to change. Raises OSError."""
        async with self._lock:
            await asyncio.to_thread(self.draft.write, text)
            self._drafted = None
        return self.draft.path

    async def on_disk(self) -> str | None:
        """The text on disk now; None when it is gone or can no longer be read as text."""
        try:
            return (await asyncio.to_thread(read_bounded, self.path, MOST_OF_A_PROFILE)).decode()
        except (OSError, UnicodeDecodeError):
            return None

    async def save(self, text: str, path: Path) -> None:
        """Write `text` to `path`. Raises OSError, having changed no file."""
        await asyncio.to_thread(write_profile, path, text)
        self.saved = text
