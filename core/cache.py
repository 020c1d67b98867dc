"""The folder for what this machine makes once and uses again."""

import os
import traceback
from pathlib import Path

from core.files import write_whole
from core.user import home

CACHE_VARIABLE = "ARENA_TUI_CACHE"


def cache_folder() -> Path:
    """$ARENA_TUI_CACHE, else arena-tui in the user's cache folder. It may not exist yet."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "arena-tui"


def keep_traceback(error: BaseException) -> Path:
    """Write where `error` came from into the cache's traceback.txt, for programs whose stderr nobody reads."""
    path = cache_folder() / "traceback.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(traceback.format_exception(error)).encode(errors="backslashreplace"))
    return path
