"""A profile's file while its text is edited: what lies on disk, the draft of what does not yet, and another editor."""

import asyncio
import hashlib
import os
import shlex
import subprocess
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from core.cache import cache_folder
from core.files import MOST_OF_A_PROFILE, read_bounded, write_whole
from core.profile.files import ProfileFile, shipped_profiles, write_profile


class Draft(Struct, frozen=True):
    """The unsaved text of one profile. It lies in the cache folder; two consoles on one profile share it."""

    path: Path

    def read(self) -> str | None:
        """None when there is none. Raises OSError, and UnicodeDecodeError for what another program left there."""
        return self.path.read_bytes().decode() if self.path.exists() else None

    def written_at(self) -> datetime:
        return datetime.fromtimestamp(self.path.stat().st_mtime)

    def write(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, text.encode())

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def draft_of(profile: Path) -> Draft:
    """The place of a profile's draft; its name ends in .toml, so that an editor knows the language."""
    digest = hashlib.sha256(bytes(profile.resolve())).hexdigest()[:16]
    return Draft(cache_folder() / "drafts" / f"{profile.stem[:40]}-{digest}.toml")


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


VARIABLES = ("VISUAL", "EDITOR")


def chosen_editor() -> list[str] | None:
    """The command in $VISUAL, else in $EDITOR; None where neither holds one."""
    for variable in VARIABLES:
        try:
            if command := shlex.split(os.environ.get(variable, "")):
                return command
        except ValueError:  # a quotation that is not closed
            continue
    return None


def edit_outside(command: list[str], file: Path) -> str | None:
    """Wait until the editor has ended; what went wrong, if anything. It gets the terminal."""
    name = Path(command[0]).name
    try:
        ended = subprocess.run([*command, str(file)], check=False)
    except OSError as error:
        return f"{name} did not start: {error.strerror}"
    return f"{name} ended with exit code {ended.returncode}" if ended.returncode else None
