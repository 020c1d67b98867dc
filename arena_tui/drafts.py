"""Keeps a text that is being edited and not saved yet, so that it outlives the console."""

import hashlib
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from core.cache import cache_folder
from core.files import write_whole


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
