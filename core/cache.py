"""The folder for what this machine makes once and uses again."""

import os
from pathlib import Path

CACHE_VARIABLE = "ARENA_TUI_CACHE"


def cache_folder() -> Path:
    """$ARENA_TUI_CACHE, else arena-tui in the user's cache folder. It may not exist yet."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arena-tui"
